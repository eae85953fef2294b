import { type Client, createClient, fallback } from '@callboard/client';
import { notifyClient } from '@callboard/plugin-notify/client';
import { presenceClient } from '@callboard/plugin-presence/client';
import type { BoxOfficeContract } from '../shared/contract.ts';
import type { TheatreClock } from '../shared/theatre-clock.ts';
import { byClock } from './events/theatre-time.ts';
import { cuttable, type Line } from './line.ts';
import type { Pass } from './pass.ts';

export type BoxOfficeClient = Client<BoxOfficeContract>;
/** With what its plugins add. */
export type WholeClient = ReturnType<typeof connect>['client'];

/** The library's client, typed by the contract, on a line that can be cut. */
export function connect({ token, user }: Pass, clock: TheatreClock) {
  const line: Line = cuttable(fallback());
  const client = createClient({
    userId: user.id,
    token,
    contract: {} as BoxOfficeContract,
    transport: line,
    plugins: [byClock(notifyClient(), clock), presenceClient()],
  });
  return { client, line };
}
