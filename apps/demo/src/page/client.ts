import { type Client, createClient, fallback } from '@callboard/client';
import { notifyClient } from '@callboard/plugin-notify/client';
import { presenceClient } from '@callboard/plugin-presence/client';
import { refetchClient } from '@callboard/plugin-refetch/client';
import type { BoxOfficeContract } from '../shared/contract.ts';
import type { TheatreClock } from '../shared/theatre-clock.ts';
import { byClock } from './events/theatre-time.ts';
import { cuttable, type Line } from './line.ts';
import type { PassKeeper } from './pass-keeper.ts';

export type BoxOfficeClient = Client<BoxOfficeContract>;
/** With what its plugins add. */
export type WholeClient = ReturnType<typeof connect>['client'];

/** The library's client, typed by the contract, on a line that can be cut. */
export function connect(pass: PassKeeper, clock: TheatreClock) {
  const line: Line = cuttable(fallback());
  const token = () => pass.fresh();
  const client = createClient({
    userId: pass.user.id,
    token,
    contract: {} as BoxOfficeContract,
    transport: line,
    plugins: [byClock(notifyClient(), clock), presenceClient(), refetchClient({ token })],
  });
  return { client, line };
}
