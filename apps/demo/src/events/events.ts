import { randomBytes } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { Database, Tx } from '../database/database.ts';
import type { EventsTable } from '../database/tables.ts';
import { Refusal } from '../refusal.ts';
import type { EventChange, EventDraft, EventPage, TheatreEvent } from '../shared/events.ts';

export interface EventLimits {
  /** That one person may have posted; past ones count until they are taken down. */
  readonly eventsEach: number;
  /** That one person may be down for; past ones count until they strike themselves off. */
  readonly subscriptionsEach: number;
}

/** What is on the callboard: who may see and change it, and who is down for what. */
export class Events {
  readonly #database: Database;
  readonly #limits: EventLimits;
  readonly #now: () => number;

  constructor(database: Database, limits: EventLimits, now: () => number) {
    this.#database = database;
    this.#limits = limits;
    this.#now = now;
  }

  /**
   * What is still to come and public, and all that the viewer posted or is down for, by start.
   *
   * @param after what `next` was on the page before
   */
  async list(
    viewer: string | undefined,
    { after, limit }: { after?: string | undefined; limit: number },
  ): Promise<EventPage> {
    const [startsAt, id] = cursorOf(after);
    const rows = await this.#seenBy(viewer)
      .where(({ or, and, eb, exists, selectFrom }) =>
        or([
          and([eb('state', '=', 'public'), eb('starts_at', '>', this.#now())]),
          eb('owner_id', '=', viewer ?? ''),
          exists(
            selectFrom('subscriptions')
              .select('event_id')
              .whereRef('event_id', '=', 'events.id')
              .where('person_id', '=', viewer ?? ''),
          ),
        ]),
      )
      .where(({ or, and, eb }) =>
        or([eb('starts_at', '>', startsAt), and([eb('starts_at', '=', startsAt), eb('events.id', '>', id)])]),
      )
      .orderBy('starts_at')
      .orderBy('events.id')
      .limit(limit + 1)
      .execute();
    const events = rows.slice(0, limit).map((row) => eventOf(row, viewer));
    const last = events.at(-1);
    return {
      events,
      ...(rows.length > limit && last && { next: `${Date.parse(last.startsAt)}.${last.id}` }),
    };
  }

  /** @throws Refusal NOT_FOUND, for others' drafts as well */
  async get(id: string, viewer: string | undefined): Promise<TheatreEvent> {
    const row = await this.#seenBy(viewer).where('events.id', '=', id).executeTakeFirst();
    if (row === undefined) throw new Refusal('NOT_FOUND');
    return eventOf(row, viewer);
  }

  /** @throws Refusal PAST_START, TOO_MANY_EVENTS */
  async post(owner: string, draft: EventDraft): Promise<TheatreEvent> {
    const startsAt = this.#future(draft.startsAt);
    const id = randomBytes(12).toString('base64url');
    await this.#asPerson(owner, async (tx) => {
      const { count } = await tx
        .selectFrom('events')
        .select((row) => row.fn.countAll().as('count'))
        .where('owner_id', '=', owner)
        .where('state', '!=', 'gone')
        .executeTakeFirstOrThrow();
      if (Number(count) >= this.#limits.eventsEach) throw new Refusal('TOO_MANY_EVENTS');
      const { headline, description, place, state } = draft;
      await tx
        .insertInto('events')
        .values({
          ...{ id, headline, description, place, state, owner_id: owner, starts_at: startsAt },
          ...{ version: 1, run: 1, behind: 1 },
        })
        .execute();
    });
    return this.get(id, owner);
  }

  /** @throws Refusal NOT_FOUND, NOT_YOURS, STALE, PAST_START */
  async change(id: string, owner: string, version: number, change: EventChange): Promise<TheatreEvent> {
    await this.#own(id, owner, async (tx, was) => {
      if (was.version !== version) throw new Refusal('STALE');
      const { startsAt, ...others } = change;
      const isPublished = was.state === 'draft' && (change.state ?? 'draft') !== 'draft';
      const starts = startsAt ?? (isPublished ? new Date(Number(was.starts_at)).toISOString() : undefined);
      await tx
        .updateTable('events')
        .set({
          ...others,
          ...(starts !== undefined && { starts_at: this.#future(starts) }),
          // What was cancelled cannot be moved: it is notified of anew.
          ...(isPublished && { run: was.run + 1 }),
          ...{ version: version + 1, behind: 1 },
        })
        .where('id', '=', id)
        .execute();
    });
    return this.get(id, owner);
  }

  /** Takes it down. @throws Refusal NOT_FOUND, NOT_YOURS */
  remove(id: string, owner: string): Promise<void> {
    return this.#own(id, owner, async (tx, was) => {
      const gone = { state: 'gone', version: was.version + 1, behind: 1 } as const;
      await tx.updateTable('events').set(gone).where('id', '=', id).execute();
      await tx.deleteFrom('subscriptions').where('event_id', '=', id).execute();
    });
  }

  /** Puts them down for it; once, however often. @throws Refusal NOT_FOUND, OWN_EVENT, OVER, TOO_MANY_SUBSCRIPTIONS */
  async subscribe(id: string, person: string): Promise<TheatreEvent> {
    await this.#asPerson(person, async (tx) => {
      const event = await this.#locked(tx, id);
      if (event === undefined || (event.state === 'draft' && event.owner_id !== person))
        throw new Refusal('NOT_FOUND');
      if (event.owner_id === person) throw new Refusal('OWN_EVENT');
      const held = await tx
        .selectFrom('subscriptions')
        .select('event_id')
        .where('person_id', '=', person)
        .execute();
      if (held.some(({ event_id }) => event_id === id)) return;
      if (Number(event.starts_at) <= this.#now()) throw new Refusal('OVER');
      if (held.length >= this.#limits.subscriptionsEach) throw new Refusal('TOO_MANY_SUBSCRIPTIONS');
      await tx.insertInto('subscriptions').values({ event_id: id, person_id: person }).execute();
    });
    return this.get(id, person);
  }

  /** Strikes them off, where they are down for it. */
  async unsubscribe(id: string, person: string): Promise<void> {
    await this.#database.transaction((tx) =>
      tx.deleteFrom('subscriptions').where('event_id', '=', id).where('person_id', '=', person).execute(),
    );
  }

  /** One after the other for each person: so what is counted is still so when it is written. */
  #asPerson<T>(person: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#database.transaction(async (tx) => {
      await this.#database.locking(tx.selectFrom('people').select('id').where('id', '=', person)).execute();
      return work(tx);
    });
  }

  #own(id: string, owner: string, work: (tx: Tx, was: Row) => Promise<void>): Promise<void> {
    return this.#database.transaction(async (tx) => {
      const was = await this.#locked(tx, id);
      if (was === undefined || (was.state === 'draft' && was.owner_id !== owner))
        throw new Refusal('NOT_FOUND');
      if (was.owner_id !== owner) throw new Refusal('NOT_YOURS');
      await work(tx, was);
    });
  }

  async #locked(tx: Tx, id: string): Promise<Row | undefined> {
    const query = tx
      .selectFrom('events')
      .select(['owner_id', 'state', 'starts_at', 'version', 'run'])
      .where('id', '=', id)
      .where('state', '!=', 'gone');
    return this.#database.locking(query).executeTakeFirst();
  }

  /** Drafts are their owner's alone. Who has the address of a private one, which nobody guesses, may see it. */
  #seenBy(viewer: string | undefined) {
    return this.#database.db
      .selectFrom('events')
      .innerJoin('people', 'people.id', 'events.owner_id')
      .where('state', '!=', 'gone')
      .where(({ or, eb }) => or([eb('state', '!=', 'draft'), eb('owner_id', '=', viewer ?? '')]))
      .select(['events.id', 'headline', 'description', 'place', 'starts_at', 'state', 'events.version'])
      .select(['owner_id', 'people.name as owner_name'])
      .select(({ selectFrom, fn }) =>
        selectFrom('subscriptions')
          .select(fn.countAll().as('count'))
          .whereRef('event_id', '=', 'events.id')
          .as('subscribers'),
      )
      .select(({ selectFrom, fn }) =>
        selectFrom('subscriptions')
          .select(fn.countAll().as('count'))
          .whereRef('event_id', '=', 'events.id')
          .where('person_id', '=', viewer ?? '')
          .as('subscribed'),
      );
  }

  /** @throws Refusal PAST_START */
  #future(time: string): number {
    const ms = Date.parse(time);
    if (ms <= this.#now()) throw new Refusal('PAST_START');
    return ms;
  }
}

type Row = Pick<Selectable<EventsTable>, 'owner_id' | 'state' | 'starts_at' | 'version' | 'run'>;

interface SeenRow extends Omit<Selectable<EventsTable>, 'run' | 'behind' | 'settled_run'> {
  readonly owner_name: string;
  readonly subscribers: unknown;
  readonly subscribed: unknown;
}

function eventOf(row: SeenRow, viewer: string | undefined): TheatreEvent {
  const { id, headline, description, place, state, version, owner_id, owner_name } = row;
  return {
    ...{ id, headline, description, place, version },
    state: state as TheatreEvent['state'],
    startsAt: new Date(Number(row.starts_at)).toISOString(),
    owner: { id: owner_id, name: owner_name },
    isYours: owner_id === viewer,
    isSubscribed: Number(row.subscribed) > 0,
    subscribers: Number(row.subscribers),
  };
}

/** @throws Refusal INVALID where it is none of ours. */
function cursorOf(after: string | undefined): [startsAt: number, id: string] {
  if (after === undefined) return [Number.MIN_SAFE_INTEGER, ''];
  const [, startsAt, id] = /^(\d{1,16})\.([\w-]{1,64})$/.exec(after) ?? [];
  if (startsAt === undefined || id === undefined) throw new Refusal('INVALID', 'after: no page ended there');
  return [Number(startsAt), id];
}
