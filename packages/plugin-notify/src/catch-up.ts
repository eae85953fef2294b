import type { Clock, Server } from '@callboard/core';
import { isStorable } from './asked.ts';
import { forgetOldest } from './forget-oldest.ts';
import type { StoreLine } from './store-line.ts';
import type { Telling, Way } from './ways.ts';

const PAGE = 500;
const LIMIT = 1_000;

/** Tells the people who are connected here what another node has put into their inboxes, and nobody has alerted them of. */
export class CatchUp {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #line: StoreLine;
  readonly #way: Way;
  readonly #windowMs: number;
  /** Those whose clients do not ask to alert need not be told again and again. */
  readonly #told = new Set<string>();

  /** @param windowMs what was told longer ago they have found on connecting. */
  constructor(host: { server: Server; clock: Clock; line: StoreLine }, way: Way, windowMs: number) {
    this.#server = host.server;
    this.#clock = host.clock;
    this.#line = host.line;
    this.#way = way;
    this.#windowMs = windowMs;
  }

  /** @throws StoreGone, and what the way throws. */
  async run(): Promise<void> {
    const users = [...this.#server.users.keys()].filter((id) => isStorable(id));
    for (let i = 0; i < users.length; i += PAGE) {
      const now = this.#clock.now();
      const wanted = { since: now - this.#windowMs, now, limit: LIMIT };
      const found = await this.#line.call((store) => store.unalerted(users.slice(i, i + PAGE), wanted));
      const tellings = new Map<string, Omit<Telling, 'users'> & { readonly users: string[] }>();
      for (const { userId, item } of found) {
        const told = `${item.id} ${userId}`;
        if (this.#told.has(told)) continue;
        this.#told.add(told);
        const { state: _, alerted: __, ...rest } = item;
        const telling = tellings.get(item.id) ?? { ...rest, users: [] };
        tellings.set(item.id, telling);
        telling.users.push(userId);
      }
      forgetOldest(this.#told);
      if (tellings.size > 0) await this.#way.tell([...tellings.values()]);
    }
  }
}
