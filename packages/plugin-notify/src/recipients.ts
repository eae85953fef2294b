import type { Clock, Logger, Server } from '@callboard/core';
import { type UserId, userIdOf } from '@callboard/protocol';
import type { Awaitable } from '@callboard/runtime';
import { isStorable } from './storable.ts';
import type { Recipients as To } from './store.ts';
import { inTime } from './store-line.ts';

export interface AudiencePage {
  readonly users: readonly UserId[];
  /** Where the next page begins, at most 4,096 characters: given back as `after`. Absent on the last. */
  readonly next?: string | undefined;
}
/**
 * Whom a notification is for, as of now: asked page by page when it is due, and again from the last confirmed page where a node was
 * lost. In an order that does not change by who comes or goes (`where user_id > after order by user_id limit …`), nobody is passed
 * over. What it throws is tried again.
 */
export type Audience = (query: {
  readonly params: unknown;
  readonly after: string | undefined;
  readonly limit: number;
}) => Awaitable<AudiencePage>;

const PAGE = 500;
const LARGEST = 10_000;
const LONGEST_NEXT = 4_096;

interface Page {
  readonly users: readonly string[];
  readonly next: string | undefined;
}

/** Finds out who is to be told, page by page. */
export class Recipients {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #audiences: Readonly<Record<string, Audience>>;
  readonly #timeoutMs: number;

  constructor(
    host: { readonly server: Server; readonly clock: Clock; readonly logger: Logger },
    audiences: Readonly<Record<string, Audience>>,
    timeoutMs: number,
  ) {
    this.#server = host.server;
    this.#clock = host.clock;
    this.#logger = host.logger;
    this.#audiences = audiences;
    this.#timeoutMs = timeoutMs;
  }

  has(audience: string): boolean {
    return Object.hasOwn(this.#audiences, audience);
  }

  /** @throws what the audience throws. */
  async page(to: To, after: string | undefined): Promise<Page> {
    if ('users' in to) return sliceOf(to.users, Number(after ?? 0));
    if ('audience' in to) return this.#audience(to.audience, to.params, after);
    const { subscribers } = this.#server.channel(to.channel);
    const users = new Set([...subscribers].map(({ user }) => user.id));
    const rest = [...users].filter((id) => isStorable(id) && id > (after ?? '')).sort();
    const page = rest.slice(0, PAGE);
    return { users: page, next: rest.length > PAGE ? page.at(-1) : undefined };
  }

  async #audience(name: string, params: unknown, after: string | undefined): Promise<Page> {
    const query = this.has(name) ? this.#audiences[name] : undefined;
    if (query === undefined) throw new Error(`there is no audience ${name}`);
    const asked = (async () => query({ params, after, limit: PAGE }))();
    const page = await inTime(this.#clock, this.#timeoutMs, asked, `the audience ${name} took too long`);
    if (!Array.isArray(page?.users) || page.users.length > LARGEST)
      throw new TypeError(`the audience ${name} gave no page of at most ${LARGEST} users`);
    const { next } = page;
    if (next !== undefined && (typeof next !== 'string' || next === after))
      throw new TypeError(`the audience ${name} does not get on after ${after}`);
    if (next !== undefined && (next.length > LONGEST_NEXT || /[\0\p{Cs}]/u.test(next)))
      throw new TypeError(`the audience ${name} gave a page's end that cannot be kept`);
    const users = new Set<string>();
    for (const id of page.users) {
      const user = userIdOf(id);
      if (isStorable(user)) users.add(user);
      else this.#logger.warn('an audience gave what is no user id', { audience: name });
    }
    return { users: [...users], next };
  }
}

function sliceOf(users: readonly string[], from: number): Page {
  const end = from + PAGE;
  return { users: users.slice(from, end), next: end < users.length ? `${end}` : undefined };
}
