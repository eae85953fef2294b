import type { Clock } from '@callboard/core';
import { ReplyError } from '@callboard/protocol';
import { type Awaitable, isPromise, type Logger } from '@callboard/runtime';
import type { PresenceStore, Remembered } from './store.ts';

export interface MemoryHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: PresenceStore;
  /** What the store knows of a user who was asked for. */
  recalled(user: Remembered): void;
}

/** For an answer of the store, and until it is asked again, in milliseconds. */
const TIMEOUT_MS = 10_000;
const RETRY_MS = { min: 500, max: 30_000 };
/** Users in one question. */
const MOST = 1_000;

interface Waiting {
  readonly userIds: Set<string>;
  readonly done: () => void;
  readonly failed: (error: Error) => void;
}

/** What is asked of the store: one thing after the other, of many users at once, and again until it is done. */
export class Memory {
  readonly #host: MemoryHost;
  readonly #toLoad = new Set<string>();
  readonly #toSave = new Map<string, Remembered>();
  readonly #waiting = new Set<Waiting>();
  #isRunning = false;
  /** It has run, and does not any more. */
  #isOver = false;
  #isOpen = false;
  #isArmed = false;
  #working: Promise<void> | undefined;
  #timer: unknown;
  /** In a row, so far. */
  failures = 0;

  constructor(host: MemoryHost) {
    this.#host = host;
  }

  /** To be called when the server runs. */
  open(): void {
    this.#isRunning = true;
    this.#isOver = false;
    this.#arm();
  }

  /** What is still to be saved is, where the store is there. */
  async close(): Promise<void> {
    const { clock, logger, store } = this.#host;
    this.#isRunning = false;
    this.#isOver = true;
    await this.#working;
    if (this.failures === 0 && this.#toSave.size > 0) await this.#work();
    clock.clearTimeout(this.#timer);
    this.#isArmed = false;
    if (this.#toSave.size > 0) logger.error('users are not remembered', { users: this.#toSave.size });
    this.#toSave.clear();
    this.#disappoint();
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#answer(() => store.close());
  }

  recall(userId: string): void {
    this.#toLoad.add(userId);
    this.#arm();
  }

  remember(user: Remembered): void {
    this.#toSave.set(user.userId, user);
    this.#arm();
  }

  /** Resolves when all of these have been recalled. @throws ReplyError UNAVAILABLE where the store does not answer, or is closed. */
  async recalled(userIds: Iterable<string>): Promise<void> {
    const missing = new Set([...userIds].filter((id) => this.#toLoad.has(id)));
    if (missing.size === 0) return;
    if (this.#isOver) throw unavailable();
    await new Promise<void>((done, failed) => {
      const waiting: Waiting = { userIds: missing, done, failed };
      this.#waiting.add(waiting);
    });
  }

  #arm(): void {
    if (this.#isArmed || !this.#isRunning) return;
    this.#isArmed = true;
    this.#host.clock.endOfTurn(this.#go);
  }

  readonly #go = (): void => {
    if (this.#isRunning) this.#working = this.#work();
  };

  async #work(): Promise<void> {
    const { clock, logger, store } = this.#host;
    try {
      if (!this.#isOpen) await this.#answer(() => store.open());
      this.#isOpen = true;
      // Of who has gone and is back what is saved is what counts.
      while (this.#toSave.size > 0 || this.#toLoad.size > 0) {
        const step = this.#toSave.size > 0 ? this.#save() : this.#load();
        if (isPromise(step)) await step;
      }
      if (this.failures > 0) logger.info('the store of presence is back');
      this.failures = 0;
      this.#isArmed = false;
    } catch (cause) {
      this.failures++;
      logger.error('the store of presence failed', { cause });
      this.#disappoint(cause);
      const again = Math.min(RETRY_MS.min * 2 ** (this.failures - 1), RETRY_MS.max);
      this.#timer = clock.setTimeout(this.#go, again);
    }
  }

  /** Who waits is to ask again. */
  #disappoint(cause?: unknown): void {
    for (const { failed } of this.#waiting) failed(unavailable(cause));
    this.#waiting.clear();
  }

  #save(): Awaitable<void> {
    const users = [...this.#toSave.values()].slice(0, MOST);
    const done = () => {
      for (const user of users) if (this.#toSave.get(user.userId) === user) this.#toSave.delete(user.userId);
    };
    const saved = this.#answer(() => this.#host.store.save(users));
    return isPromise(saved) ? saved.then(done) : done();
  }

  #load(): Awaitable<void> {
    const userIds = [...this.#toLoad].slice(0, MOST);
    const done = (found: readonly Remembered[]) => {
      const byId = new Map(found.map((user) => [user.userId, user]));
      for (const userId of userIds) {
        this.#toLoad.delete(userId);
        this.#host.recalled(byId.get(userId) ?? { ...nothing, userId });
      }
      for (const waiting of this.#waiting) {
        for (const userId of userIds) waiting.userIds.delete(userId);
        if (waiting.userIds.size > 0) continue;
        this.#waiting.delete(waiting);
        waiting.done();
      }
    };
    const loaded = this.#answer(() => this.#host.store.load(userIds));
    return isPromise(loaded) ? loaded.then(done) : done(loaded);
  }

  /** In time. */
  #answer<T>(ask: () => Awaitable<T>): Awaitable<T> {
    const { clock } = this.#host;
    const answer = ask();
    if (!isPromise(answer)) return answer;
    return new Promise<T>((resolve, reject) => {
      const late = () => reject(new Error('the store of presence did not answer in time'));
      const timer = clock.setTimeout(late, TIMEOUT_MS);
      answer.then(resolve, reject).then(() => clock.clearTimeout(timer));
    });
  }
}

const unavailable = (cause?: unknown) => new ReplyError('UNAVAILABLE', { cause, retryAfterMs: RETRY_MS.min });
const nothing = { lastOnlineTs: null, lastSeenTs: null, choice: 'auto' } as const;
