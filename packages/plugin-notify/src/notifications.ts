import type { Clock, Logger, Server } from '@callboard/core';
import { type Asked, type Bounds, type Change, changedBy, definitionOf } from './asked.ts';
import type { Revised } from './contract.ts';
import { NotifyError } from './errors.ts';
import { noticesOf } from './notices.ts';
import type { ListOptions, Notice, NoticeRecord, Notification } from './store.ts';
import { StoreGone, type StoreLine } from './store-line.ts';

/** What was scheduled. */
export interface Scheduled {
  readonly notification: Notification;
  /** False where the same was scheduled before: it is that one. */
  readonly created: boolean;
}

export interface History {
  readonly notification: Notification;
  /** Of all rounds, the first due first. */
  readonly notices: readonly NoticeRecord[];
}

/** `server.notify`. Everything here rejects with a NotifyError, and then has done nothing or may be repeated. */
export interface Notifications {
  /** The same again under the same key is the same notification; anything else under it is refused with DUPLICATE_KEY. */
  schedule(asked: Asked): Promise<Scheduled>;
  /**
   * To another time, for others, with another action: what is given changes. At another time, or with other lead times, who was told is told
   * again. What is being told just now goes on as it is now. Resolves with what it is then.
   */
  reschedule(key: string, change: Change): Promise<Notification>;
  /** Nobody is told any more, and it is in no inbox. False where it was cancelled before or is not there. */
  cancel(key: string): Promise<boolean>;
  /** By key. */
  list(options?: ListOptions): Promise<readonly Notification[]>;
  /** Until 30 days after it has expired. */
  history(key: string): Promise<History | undefined>;
}

export interface NotificationsHost {
  readonly server: Server;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly line: StoreLine;
  readonly bounds: Bounds;
  readonly isUser: ((userId: string) => boolean | PromiseLike<boolean>) | undefined;
  /** Something is due then. */
  wake(at: number): void;
}

const ATTEMPTS = 20;
const PAGE = 500;

export class ServerNotifications implements Notifications {
  /** What goes on after its call was answered. */
  spreading = 0;
  readonly #host: NotificationsHost;

  constructor(host: NotificationsHost) {
    this.#host = host;
  }

  async schedule(asked: Asked): Promise<Scheduled> {
    const { clock, bounds, line } = this.#host;
    const now = clock.now();
    const definition = definitionOf(asked, now, bounds);
    await this.#known(definition.to);
    const notification: Notification = { ...definition, state: 'scheduled', version: 1, round: 1 };
    const notices = noticesOf(notification, 1, now);
    const scheduled = await orUnavailable(line.call((store) => store.create(notification, notices, now)));
    if (scheduled.notification.asked !== definition.asked)
      throw new NotifyError('DUPLICATE_KEY', `there is another notification ${definition.key}`);
    if (scheduled.created) this.#wakeFor(notices);
    // Nobody may have heard that it was.
    else this.#host.wake(now);
    return scheduled;
  }

  async reschedule(key: string, change: Change): Promise<Notification> {
    const { clock, bounds } = this.#host;
    const changed = await this.#replace(key, async (was) => {
      const now = clock.now();
      const definition = changedBy(change, was, now, bounds);
      await this.#known(definition.to);
      const moved = definition.at !== was.at || `${definition.leadTimesMs}` !== `${was.leadTimesMs}`;
      const round = was.round + (moved ? 1 : 0);
      const notification: Notification = {
        ...definition,
        state: 'scheduled',
        version: was.version + 1,
        round,
      };
      return { notification, notices: moved ? noticesOf(notification, round, now) : [] };
    });
    if (changed === undefined) throw new NotifyError('UNKNOWN_KEY', `there is no notification ${key}`);
    return changed;
  }

  async cancel(key: string): Promise<boolean> {
    const cancelled = await this.#replace(key, async (was) => ({
      notification: { ...was, state: 'cancelled', version: was.version + 1, round: was.round + 1 },
      notices: [],
    }));
    return cancelled !== undefined;
  }

  list({ after = '', limit = 100 }: ListOptions = {}): Promise<readonly Notification[]> {
    const wanted = { after, limit: Math.min(Math.max(1, Math.floor(limit)), 1_000) };
    return orUnavailable(this.#host.line.call((store) => store.list(wanted)));
  }

  async history(key: string): Promise<History | undefined> {
    const { line } = this.#host;
    const notification = await orUnavailable(line.call((store) => store.get(key)));
    if (notification === undefined) return undefined;
    return { notification, notices: await orUnavailable(line.call((store) => store.history(key))) };
  }

  /** Makes of what is there something else; again, where it was changed meanwhile. Undefined where there is nothing. */
  async #replace(
    key: string,
    change: (was: Notification) => Promise<{ notification: Notification; notices: readonly Notice[] }>,
  ): Promise<Notification | undefined> {
    const { clock, line } = this.#host;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const was = await orUnavailable(line.call((store) => store.get(key)));
      if (was === undefined || was.state === 'cancelled') return undefined;
      const replacement = await change(was);
      const done = await orUnavailable(
        line.call((store) => store.replace(was.version, replacement, clock.now())),
      );
      if (!done) continue;
      this.#wakeFor(replacement.notices);
      // What was being told may be claimed again, as it is now.
      this.#host.wake(clock.now());
      void this.#spread(replacement.notification);
      return replacement.notification;
    }
    throw new NotifyError('STORE_UNAVAILABLE', `${key} is changed all the time`);
  }

  /** Tells those of its people who are connected here that it has changed. */
  async #spread({ key, round, action, at, expiresAt }: Notification): Promise<void> {
    const { line, server, logger } = this.#host;
    const revised: Revised = { type: 'NOTIFICATION_REVISED', key, round, action, at, expiresAt };
    this.spreading++;
    try {
      for (let after = ''; ; ) {
        const users = await line.call((store) => store.holders(key, { after, limit: PAGE }));
        const here = users.filter((id) => server.users.has(id));
        if (here.length > 0) await server.sendToUser(here, revised);
        if (users.length < PAGE) return;
        after = users.at(-1) as string;
      }
    } catch (cause) {
      // Their clients find out when they want to alert, or connect again.
      if (!(cause instanceof StoreGone)) logger.error('clients were not told of a change', { key, cause });
    } finally {
      this.spreading--;
    }
  }

  async #known(to: Notification['to']): Promise<void> {
    const { isUser } = this.#host;
    if (isUser === undefined || !('users' in to)) return;
    for (const user of to.users)
      if (!(await isUser(user))) throw new NotifyError('UNKNOWN_USER', `there is no user ${user}`);
  }

  #wakeFor(notices: readonly Notice[]): void {
    for (const { dueAt } of notices) this.#host.wake(dueAt);
  }
}

async function orUnavailable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (cause instanceof StoreGone) throw new NotifyError('STORE_UNAVAILABLE', cause.message, cause);
    throw cause;
  }
}
