import type { Clock, Logger } from '@callboard/core';
import { type AudiencePage, type Notifications, NotifyError } from '@callboard/plugin-notify';
import type { Selectable } from 'kysely';
import type { Database } from '../database/database.ts';
import type { EventsTable } from '../database/tables.ts';
import type { EventSoon } from '../shared/events.ts';

export interface EventNoticesOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly notifications: () => Notifications;
  /** How long before an event who is down for it is told. */
  readonly leadTimesMs: readonly number[];
}

/** What the audience `subscribers` is asked for. */
interface Params {
  readonly event: string;
  /** Milliseconds since 1970 (UTC). */
  readonly startsAt: number;
}

const RETRY_MS = 1_000;
const MOST_AT_ONCE = 100;

/**
 * Keeps notifications as the events are. Each change of an event marks it, in the same transaction, as one that its notification is
 * behind; the mark goes once that has been scheduled, moved or cancelled for this very version. So a crash in between leaves the mark,
 * and the next start, or the next change of whichever event, makes up for it; what was done already does no harm twice.
 */
export class EventNotices {
  readonly #options: EventNoticesOptions;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #retry: unknown;
  #stopped = false;

  constructor(options: EventNoticesOptions) {
    this.#options = options;
  }

  /** Resolves when all that was written before has been followed, or is to be tried again in a second. */
  catchUp(): Promise<void> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      this.#running = this.#run();
      return this.#running;
    });
    return this.#next;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#retry);
    await this.#running;
  }

  /** Who is down for the event, where it is still to begin then: nobody is told of an earlier time. */
  async subscribers(asked: {
    readonly params: unknown;
    readonly after: string | undefined;
    readonly limit: number;
  }): Promise<AudiencePage> {
    const { params, after = '', limit } = asked;
    const { event, startsAt } = params as Params;
    const rows = await this.#options.database.db
      .selectFrom('subscriptions')
      .innerJoin('events', 'events.id', 'event_id')
      .select('person_id')
      .where('event_id', '=', event)
      .where('starts_at', '=', startsAt)
      .where('state', 'in', ['public', 'private'])
      .where('person_id', '>', after)
      .orderBy('person_id')
      .limit(limit)
      .execute();
    const users = rows.map(({ person_id }) => person_id);
    return { users, next: users.length === limit ? users.at(-1) : undefined };
  }

  async #run(): Promise<void> {
    const { database, clock, logger } = this.#options;
    clock.clearTimeout(this.#retry);
    let failed = false;
    try {
      for (let after = ''; !this.#stopped; ) {
        const behind = await database.db
          .selectFrom('events')
          .selectAll()
          .where('behind', '=', 1)
          .where('id', '>', after)
          .orderBy('id')
          .limit(MOST_AT_ONCE)
          .execute();
        for (const event of behind) {
          await this.#follow(event).catch((cause: unknown) => {
            failed = true;
            logger.error('a notification is not as its event is', { event: event.id, cause });
          });
          after = event.id;
        }
        if (behind.length < MOST_AT_ONCE) break;
      }
    } catch (cause) {
      failed = true;
      logger.error('notifications are not as their events are', { cause });
    }
    if (failed && !this.#stopped) this.#retry = clock.setTimeout(() => void this.catchUp(), RETRY_MS);
  }

  /** Until it is as the newest version is: another server may have been slower with an older one. */
  async #follow(found: Event): Promise<void> {
    for (let event: Event | undefined = found; event !== undefined; event = await this.#read(found.id)) {
      await this.#makeEqual(event);
      if (await this.#settle(event)) return;
    }
  }

  /** Whether it is still this version. */
  #settle({ id, version, state, run }: Event): Promise<boolean> {
    return this.#options.database.transaction(async (tx) => {
      if (state === 'gone') {
        await tx.deleteFrom('events').where('id', '=', id).execute();
        return true;
      }
      const { numUpdatedRows } = await tx
        .updateTable('events')
        .set({ behind: 0, settled_run: run })
        .where('id', '=', id)
        .where('version', '=', version)
        .executeTakeFirstOrThrow();
      return numUpdatedRows > 0n;
    });
  }

  #read(id: string): Promise<Event | undefined> {
    const { db } = this.#options.database;
    return db.selectFrom('events').selectAll().where('id', '=', id).executeTakeFirst();
  }

  async #makeEqual({ id, headline, place, starts_at, state, run, settled_run }: Event): Promise<void> {
    const notifications = this.#options.notifications();
    const isOut = state === 'public' || state === 'private';
    for (let old = settled_run; old < (isOut ? run : run + 1); old++)
      await notifications.cancel(keyOf(id, old));
    if (!isOut) return;
    const startsAt = Number(starts_at);
    const action: EventSoon = { type: 'EVENT_SOON', event: id, headline, place };
    const params: Params = { event: id, startsAt };
    const wanted = {
      at: startsAt,
      action: { ...action },
      to: { audience: 'subscribers', params },
      leadTimesMs: this.#options.leadTimesMs,
    };
    const key = keyOf(id, run);
    try {
      await notifications.schedule({ key, ...wanted });
    } catch (error) {
      if (!(error instanceof NotifyError)) throw error;
      if (error.code === 'DUPLICATE_KEY') await notifications.reschedule(key, wanted);
      // It has begun: there is nothing to tell any more.
      else if (startsAt > this.#options.clock.now()) throw error;
    }
  }
}

type Event = Selectable<EventsTable>;

const keyOf = (id: string, run: number) => `event/${id}/${run}`;
