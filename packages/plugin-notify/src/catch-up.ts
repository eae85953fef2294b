import type { Clock, Server } from '@callboard/core';
import { forgetOldest } from './forget-oldest.ts';
import { isStorable } from './storable.ts';
import type { ToldTo } from './store.ts';
import type { StoreLine } from './store-line.ts';
import type { callboardWay, HereTelling } from './ways.ts';

const PAGE = 500;
/** More than a page: there is at least one notice that is whole among so many. */
const LIMIT = 1_000;
/** What another node told so long ago, by its clock, may have come to be seen just now. */
const OVERLAP_MS = 15_000;
const MOST_REMEMBERED = 100_000;

type Here = ReturnType<typeof callboardWay>;

/** Tells the people who are connected here what another node has put into their inboxes. */
export class CatchUp {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #line: StoreLine;
  readonly #way: Here;
  /** What was told before they have found on connecting. */
  #since: number;
  /** What was told here, so that nobody is told again: devices do not take the second for the first. */
  readonly #told = new Set<string>();

  constructor(host: { server: Server; clock: Clock; line: StoreLine }, way: Here) {
    this.#server = host.server;
    this.#clock = host.clock;
    this.#line = host.line;
    this.#way = way;
    this.#since = host.clock.now() - OVERLAP_MS;
  }

  /** The way, where it is known afterwards who was told here. */
  get way(): Here {
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
      const found = await this.#line.call((store) => store.toldSince(users, wanted));
      await this.#tell(found);
      if (found.length < LIMIT) return;
      const partial = found.at(-1)?.item.id;
      const whole = found.filter(({ item }) => item.id !== partial).at(-1) as ToldTo;
      since = whole.toldAt;
      after = whole.item.id;
    }
  }

  async #tell(found: readonly ToldTo[]): Promise<void> {
    const tellings = new Map<string, HereTelling & { readonly users: string[] }>();
    for (const { userId, item } of found) {
      if (this.#told.has(`${item.id} ${userId}`)) continue;
      const same = `${item.state} ${item.alerted} ${item.id}`;
      const telling = tellings.get(same) ?? { ...item, users: [] };
      tellings.set(same, telling);
      telling.users.push(userId);
    }
    if (tellings.size > 0) await this.way.tell([...tellings.values()]);
  }
}
