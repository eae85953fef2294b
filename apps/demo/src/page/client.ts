import { type Client, createClient, fallback } from '@callboard/client';
import type { BoxOfficeContract } from '../shared/contract.ts';
import { cuttable, type Line } from './line.ts';
import type { Pass } from './pass.ts';

export type BoxOfficeClient = Client<BoxOfficeContract>;

/** The library's client, typed by the contract, on a line that can be cut. */
export function connect({ token, user }: Pass): { client: BoxOfficeClient; line: Line } {
  const line = cuttable(fallback());
  const client = createClient({
    userId: user.id,
    token,
    contract: {} as BoxOfficeContract,
    transport: line,
  });
  return { client, line };
}
