import type { ShowId } from './shows.ts';

/** How full a house is, and which seats are gone. */
export interface HouseState {
  readonly left: number;
  readonly of: number;
  readonly taken: readonly string[];
}

/** What is published of a show: each time all of it, so that the last one is enough for who comes late. */
export interface LiveHouse extends HouseState {
  /** People, however many tabs they have. */
  readonly watching: number;
}

/** The channel's name. */
export const channelOf = (show: ShowId): string => `show/${show}`;
