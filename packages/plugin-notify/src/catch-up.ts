import type { Clock, Server } from '@callboard/core';
import { forgetOldest } from './forget-oldest.ts';
import { isStorable } from './storable.ts';
import type { Unalerted } from './store.ts';
import type { StoreLine } from './store-line.ts';
import type { Telling, Way } from './ways.ts';

const PAGE = 500;
/** More than a page: there is at least one notice that is whole among so many. */
const LIMIT = 1_000;
/** What another node told so long ago, by its clock, may have come to be seen just now. */
const OVERLAP_MS = 30_000;
const MOST_REMEMBERED = 100_000;

/** Tells the people who are connected here what another node has put into their inboxes, and nobody has alerted them of. */
export class CatchUp {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #line: StoreLine;
  readonly #way: Way;
  /** What was told before they have found on connecting. */
  #since: number;
  /** Those whose clients do not ask to alert, devices for one, need not be told again and again. */
  readonly #told = new Set<string>();

  constructor(host: { server: Server; clock: Clock; line: StoreLine }, way: Way) {
    this.#server = host.server;
    this.#clock = host.clock;
    this.#line = host.line;
    this.#way = way;
    this.#since = host.clock.now() - OVERLAP_MS;
  }

  /** The way, where it is known afterwards who was told here. */
  get way(): Way {
    return {
      name: this.#way.name,
      tell: async (tellings) => {
        await this.#way.tell(tellings);
        for (const { id, users } of tellings)
          for (const user of users) if (this.#server.users.has(user)) this.#told.add(`${id} ${user}`);
        forgetOldest(this.#told, MOST_REMEMBERED);
      },
    };
  }

  /** @throws StoreGone, and what the way throws. */
  async run(): Promise<void> {
    const began = this.#clock.now();
    const users = [...this.#server.users.keys()].filter((id) => isStorable(id));
    for (let i = 0; i < users.length; i += PAGE) await this.#tellAll(users.slice(i, i + PAGE));
    this.#since = began - OVERLAP_MS;
  }

  async #tellAll(users: readonly string[]): Promise<void> {
    // The clock may have been set back since.
    for (let since = Math.min(this.#since, this.#clock.now() - OVERLAP_MS), after = ''; ; ) {
      const wanted = { since, after, now: this.#clock.now(), limit: LIMIT };
      const found = await this.#line.call((store) => store.unalerted(users, wanted));
      await this.#tell(found);
      if (found.length < LIMIT) return;
      const partial = found.at(-1)?.item.id;
      const whole = found.filter(({ item }) => item.id !== partial).at(-1) as Unalerted;
      since = whole.toldAt;
      after = whole.item.id;
    }
  }

  async #tell(found: readonly Unalerted[]): Promise<void> {
    const tellings = new Map<string, Omit<Telling, 'users'> & { readonly users: string[] }>();
    for (const { userId, item } of found) {
      if (this.#told.has(`${item.id} ${userId}`)) continue;
      const { state: _, alerted: __, ...rest } = item;
      const telling = tellings.get(item.id) ?? { ...rest, users: [] };
      tellings.set(item.id, telling);
      telling.users.push(userId);
    }
    if (tellings.size > 0) await this.way.tell([...tellings.values()]);
  }
}
