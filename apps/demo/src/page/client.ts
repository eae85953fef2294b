import { type Client, createClient, fallback } from '@callboard/client';
import { presenceClient } from '@callboard/plugin-presence/client';
import type { BoxOfficeContract } from '../shared/contract.ts';
import { cuttable, type Line } from './line.ts';
import type { Pass } from './pass.ts';

export type BoxOfficeClient = Client<BoxOfficeContract>;
/** The same, with what its plugins add. */
export type PluggedClient = ReturnType<typeof connect>['client'];

/** The library's client, typed by the contract, on a line that can be cut. */
export function connect({ token, user }: Pass) {
  const line: Line = cuttable(fallback());
  const client = createClient({
    userId: user.id,
    token,
    contract: {} as BoxOfficeContract,
    transport: line,
    plugins: [presenceClient()],
  });
  return { client, line };
}
