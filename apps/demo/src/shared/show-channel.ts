import type { ChannelOutput } from '@callboard/protocol';
import type { BoxOfficeContract } from './contract.ts';
import type { ShowId } from './shows.ts';

/** What is published of a show. */
export type LiveHouse = ChannelOutput<BoxOfficeContract, `show/${ShowId}`>;
/** How full a house is, and which seats are gone. */
export type HouseState = Omit<LiveHouse, 'watching'>;

/** The channel's name. */
export const channelOf = <Id extends ShowId>(show: Id): `show/${Id}` => `show/${show}`;
