import { type Client, createClient, fallback } from '@callboard/client';
import { type ClientNotifications, notifyClient } from '@callboard/plugin-notify/client';
import type { BoxOfficeContract } from '../shared/contract.ts';
import type { TheatreClock } from '../shared/theatre-clock.ts';
import { byClock } from './events/theatre-time.ts';
import { cuttable, type Line } from './line.ts';
import type { Pass } from './pass.ts';

export type BoxOfficeClient = Client<BoxOfficeContract>;
/** With what its plugins add. */
export type WholeClient = BoxOfficeClient & { readonly notify: ClientNotifications };

/** The library's client, typed by the contract, on a line that can be cut. */
export function connect({ token, user }: Pass, clock: TheatreClock): { client: WholeClient; line: Line } {
  const line = cuttable(fallback());
  const client = createClient({
    userId: user.id,
    token,
    contract: {} as BoxOfficeContract,
    transport: line,
    plugins: [byClock(notifyClient(), clock)],
  });
  return { client, line };
}
