import type { ChannelPolicies, Logger } from '@callboard/core';
import type { BoxOffice } from './box-office.ts';
import type { Houses } from './houses.ts';
import { channelOf, type LiveHouse } from './shared/show-channel.ts';
import type { ShowId } from './shared/shows.ts';

/** A channel for each show on the bill. Who is connected is signed in, and may follow it; the server alone publishes. */
export function showPolicies(houses: Houses): ChannelPolicies {
  const names = new Set<string>(houses.shows.map((show) => channelOf(show)));
  return {
    'show/+': { history: { size: 20 }, retain: true, canSubscribe: ({ channel }) => names.has(channel) },
  };
}

/** Tells who looks at a show how its house is: when a seat changes hands, and when others come to look. */
export class ShowChannels {
  readonly #server: BoxOffice;
  readonly #houses: Houses;
  readonly #logger: Logger;
  /** How many people were seen to look when that was last published. */
  readonly #watching = new Map<ShowId, number>();
  /** Of what was published last: an older one, should it come late, goes nowhere. */
  #version = 0;

  constructor(server: BoxOffice, houses: Houses, logger: Logger) {
    this.#server = server;
    this.#houses = houses;
    this.#logger = logger;
    let timer: NodeJS.Timeout | undefined;
    server.events$.subscribe(({ type }) => {
      if (type === 'SERVER_STARTED') {
        for (const show of houses.shows) this.tell(show);
        timer = setInterval(() => this.#lookRound(), LOOK_ROUND_MS).unref();
      }
      if (type === 'SERVER_STOPPED') clearInterval(timer);
    });
  }

  /** Publishes how the show's house is now. */
  tell(show: ShowId): void {
    const watching = this.#peopleAt(show);
    this.#watching.set(show, watching);
    const live: LiveHouse = { ...this.#houses.of(show).state, watching };
    this.#server.publish(channelOf(show), live, { version: ++this.#version }).catch((cause: unknown) => {
      this.#logger.error('a house was not published', { show, cause });
    });
  }

  /** Not with each who comes and goes: then a hundred who come at once would be told ten thousand times. */
  #lookRound(): void {
    for (const show of this.#houses.shows)
      if (this.#watching.get(show) !== this.#peopleAt(show)) this.tell(show);
  }

  #peopleAt(show: ShowId): number {
    return this.#server.presence.channel(channelOf(show)).counts.users;
  }
}

const LOOK_ROUND_MS = 1_000;
