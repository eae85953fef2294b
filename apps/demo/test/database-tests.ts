import { silentLogger } from '@callboard/core';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sql } from 'kysely';
import type { SignedIn } from '../src/accounts.ts';
import { createDemo, type Demo } from '../src/demo.ts';
import { Refusal } from '../src/refusal.ts';
import type { TheatreEvent } from '../src/shared/events.ts';
import { hourMs, notice } from './api.ts';

export interface Place {
  readonly where: string;
  remove(): void;
}

const eventsEach = 2;
const subscriptionsEach = 3;
const people = ['orla', 'teodor', 'winifred', 'barnaby'] as const;
type Person = (typeof people)[number];
const orlas = { email: 'orla@tallow-street.example', password: 'break-a-leg' };
const quietly = { counts: false };

/** What has to hold in each database: two servers share it, as they would behind a load balancer. */
export function databaseTests(make: () => Promise<Place>, runs: number): void {
  let place: Place;
  let demos: Demo[];

  beforeEach(async () => {
    place = await make();
    demos = [];
    for (let i = 0; i < 2; i++) demos.push(await open());
  });
  afterEach(async () => {
    await Promise.all(demos.map((demo) => demo.stop()));
    place.remove();
  });

  async function open(): Promise<Demo> {
    const limits = { eventsEach, subscriptionsEach };
    const demo = await createDemo({
      port: 0,
      database: place.where,
      limits,
      logger: silentLogger,
      passwordWork: 16,
    });
    await demo.start();
    return demo;
  }
  const at = (i: number) => demos[i % demos.length] as Demo;
  /** What it was refused with, or what it gave. */
  const outcome = async <T>(work: Promise<T>) =>
    work.catch((error: unknown) => {
      if (error instanceof Refusal) return error.code;
      throw error;
    });
  const signedUp = (i: number, name: string, email: string) =>
    outcome(at(i).accounts.signUp(name, { email, password: 'correct horse' }));
  const posted = async (owner: Person, inHours = 26) => {
    const event = await at(0).events.post(owner, notice(inHours));
    await at(0).notices.catchUp();
    return event;
  };

  describe('limits, whatever is asked at the same time', () => {
    test('nobody posts more than they may, nor fewer than they could', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 12 }, (_, i) => outcome(at(i).events.post('orla', notice()))),
      );
      expect(outcomes.filter((each) => each === 'TOO_MANY_EVENTS')).toHaveLength(12 - eventsEach);
      expect((await at(0).events.list('orla', { limit: 50 })).events).toHaveLength(eventsEach);
    });

    test('nobody is down for more than they may, nor twice for the same', async () => {
      const events: TheatreEvent[] = [];
      for (const owner of ['orla', 'winifred', 'barnaby'] as const)
        for (let i = 0; i < eventsEach; i++) events.push(await posted(owner));
      const outcomes = await Promise.all(
        [...events, ...events].map(({ id }, i) => outcome(at(i).events.subscribe(id, 'teodor'))),
      );
      const down = new Set(outcomes.flatMap((each) => (typeof each === 'string' ? [] : [each.id])));
      expect(down.size).toBe(subscriptionsEach);
      const { events: listed } = await at(0).events.list('teodor', { limit: 50 });
      expect(
        listed
          .filter(({ isSubscribed }) => isSubscribed)
          .map(({ id }) => id)
          .sort(),
      ).toEqual([...down].sort());
    });

    type Step =
      | { readonly kind: 'post' | 'list'; readonly person: Person }
      | {
          readonly kind: 'remove' | 'draft' | 'subscribe' | 'unsubscribe';
          readonly person: Person;
          readonly event: number;
        };
    const person = fc.constantFrom(...people);
    const step: fc.Arbitrary<Step> = fc.oneof(
      { arbitrary: fc.record({ kind: fc.constantFrom('post', 'list'), person }), weight: 2 },
      {
        arbitrary: fc.record({
          kind: fc.constantFrom('remove', 'draft', 'subscribe', 'subscribe', 'subscribe', 'unsubscribe'),
          person,
          event: fc.nat(7),
        }),
        weight: 5,
      },
    );

    test('and whatever else happens', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(step, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 }),
          async (rounds) => {
            const { db } = at(0).database;
            await db.deleteFrom('subscriptions').execute();
            await db.deleteFrom('events').execute();
            for (const round of rounds) {
              const known = await db.selectFrom('events').select(['id', 'version']).orderBy('id').execute();
              await Promise.all(round.map((each, i) => outcome<unknown>(done(at(i), each, known))));
              await holds();
            }
          },
        ),
        { numRuns: runs },
      );
    });

    async function done({ events }: Demo, step: Step, known: readonly { id: string; version: number }[]) {
      const { person } = step;
      if (!('event' in step))
        return step.kind === 'post' ? events.post(person, notice()) : events.list(person, { limit: 50 });
      const { id = 'none', version = 1 } = known[step.event] ?? {};
      switch (step.kind) {
        case 'remove':
          return events.remove(id, person);
        case 'draft':
          return events.change(id, person, version, { state: 'draft' });
        case 'subscribe':
          return events.subscribe(id, person);
        case 'unsubscribe':
          return events.unsubscribe(id, person);
      }
    }

    async function holds() {
      const { db } = at(0).database;
      const events = await db.selectFrom('events').selectAll().where('state', '!=', 'gone').execute();
      const subscriptions = await db.selectFrom('subscriptions').selectAll().execute();
      for (const each of people) {
        expect(events.filter(({ owner_id }) => owner_id === each).length).toBeLessThanOrEqual(eventsEach);
        const own = subscriptions.filter(({ person_id }) => person_id === each);
        expect(own.length).toBeLessThanOrEqual(subscriptionsEach);
      }
      const owners = new Map(events.map(({ id, owner_id }) => [id, owner_id]));
      for (const { event_id, person_id } of subscriptions) {
        expect(owners.has(event_id)).toBe(true);
        expect(owners.get(event_id)).not.toBe(person_id);
      }
    }
  });

  test('of many who want one name, one gets it', async () => {
    const names = ['Ada Byrne', 'ada byrne', 'ADA  BYRNE', 'Ａda Byrne'];
    const outcomes = await Promise.all(names.map((name, i) => signedUp(i, name, `${i}@example.org`)));
    expect(outcomes.filter((each) => each === 'NAME_TAKEN')).toHaveLength(3);
    // Names that are not the same are others: no database takes one for the other.
    // The last is 720 characters where it is compared.
    const others = ['Àda Byrne', 'Ada Byrne.', 'Straße', 'Strasse', '\ufdfa'.repeat(40)];
    for (const [i, name] of others.entries())
      expect(await signedUp(0, name, `other-${i}@example.org`)).toMatchObject({ account: { name } });
  });

  test('of many who want one e-mail, one gets it, by signing up or by a change', async () => {
    const emails = ['ada@example.org', 'Ada@Example.org', 'ADA@EXAMPLE.ORG', 'adA@example.org'];
    const outcomes = await Promise.all(emails.map((email, i) => signedUp(i, `Ada ${i}`, email)));
    expect(outcomes.filter((each) => each === 'EMAIL_TAKEN')).toHaveLength(3);
    const others = await Promise.all([0, 1].map((i) => signedUp(i, `Other ${i}`, `other-${i}@example.org`)));
    const changes = await Promise.all(
      others.map((other, i) => {
        const { account } = other as SignedIn;
        const email = { current: 'correct horse', next: ['New@example.org', 'neW@example.org'][i] as string };
        return outcome(at(i).accounts.change(account.id, 1, { email }));
      }),
    );
    expect(changes.filter((each) => each === 'EMAIL_TAKEN')).toHaveLength(1);
    // One's own is not in one's own way: here it is the name that is another's.
    const [{ account }] = others as [SignedIn, SignedIn];
    const same = {
      current: 'correct horse',
      next: (await at(0).accounts.profile(account.id, quietly)).email as string,
    };
    expect(
      await outcome(
        at(0).accounts.change(account.id, changes[0] === 'EMAIL_TAKEN' ? 1 : 2, {
          name: 'Orla Finch',
          email: same,
        }),
      ),
    ).toBe('NAME_TAKEN');
  });

  test('accounts from before there were e-mails keep what is theirs; the company’s have theirs again', async () => {
    const { account } = (await signedUp(0, 'Ada Byrne', 'ada@example.org')) as SignedIn;
    const { id } = await at(0).events.post(account.id, notice());
    await beforeEmails(at(0));
    await Promise.all(demos.splice(0).map((demo) => demo.stop()));
    demos = await Promise.all([open(), open()]);
    expect(await at(0).accounts.signIn(orlas)).toMatchObject({ account: { id: 'orla' } });
    expect(await at(0).accounts.profile(account.id, quietly)).toMatchObject({
      name: 'Ada Byrne',
      email: null,
    });
    expect(await at(0).events.get(id, account.id)).toMatchObject({ isYours: true });
    const ada = { email: 'ada@example.org', password: 'correct horse' };
    expect(await outcome(at(0).accounts.signIn(ada))).toBe('WRONG');
    await at(0).accounts.change(account.id, 1, { email: { current: ada.password, next: ada.email } });
    expect(await at(1).accounts.signIn(ada)).toMatchObject({ account: { id: account.id } });
  });

  test('where the password is changed, tokens are ended on all servers', async () => {
    const { account } = (await signedUp(0, 'Ada Byrne', 'ada@example.org')) as SignedIn;
    const password = { current: 'correct horse', next: 'another horse' };
    const tokenVersion = await at(0).accounts.change(account.id, 1, { password });
    const bearers = [1, tokenVersion].map((each) => ({ id: account.id, tokenVersion: each }));
    expect(await Promise.all(bearers.map((each) => at(1).accounts.of(each)))).toEqual([undefined, account]);
  });

  test('of two changes of the same version one is done', async () => {
    const { id } = await posted('orla');
    const outcomes = await Promise.all(
      ['One', 'Other', 'Third'].map((headline, i) =>
        outcome(at(i).events.change(id, 'orla', 1, { headline })),
      ),
    );
    expect(outcomes.filter((each) => each === 'STALE')).toHaveLength(2);
    expect(await at(0).events.get(id, 'orla')).toMatchObject({ version: 2 });
  });

  test('of two changes of a profile one is done', async () => {
    const outcomes = await Promise.all(
      ['One', 'Other'].map((about, i) => outcome(at(i).accounts.change('orla', 1, { about }))),
    );
    expect(outcomes.filter((each) => each === 'STALE')).toHaveLength(1);
    await Promise.all(Array.from({ length: 10 }, (_, i) => at(i).accounts.profile('orla', { counts: true })));
    expect(await at(1).accounts.profile('orla', { counts: false })).toMatchObject({ views: 10, version: 2 });
  });

  test('all that was written is there as it was', async () => {
    const draft = notice(26, {
      headline: '“Macbeth” 🎭 – Straße',
      description: `a\n\tb ${'剧'.repeat(900)} 🎭`,
      place: 'Ωmega',
      state: 'private',
    });
    const { id } = await at(0).events.post('orla', draft);
    expect(await at(1).events.get(id, undefined)).toMatchObject(draft);
    // Ids are compared to the letter.
    expect(
      await outcome(at(1).events.get(id === id.toLowerCase() ? id.toUpperCase() : id.toLowerCase(), 'orla')),
    ).toBe('NOT_FOUND');
  });

  test('a notification is as its event is, whichever of the servers changed it, and however quickly', async () => {
    const { id } = await posted('orla');
    await at(0).events.subscribe(id, 'teodor');
    const times = [30, 40, 50].map((each) => notice(each).startsAt);
    let version = 1;
    for (const [i, startsAt] of times.entries())
      await at(i).events.change(id, 'orla', version++, { startsAt });
    await Promise.all(demos.map(({ notices }) => notices.catchUp()));
    const history = await at(1).server.notify.history(`event/${id}/1`);
    expect(history?.notification).toMatchObject({ state: 'scheduled', at: Date.parse(times[2] as string) });
    const asked = { params: history?.notification.to, after: undefined, limit: 10 };
    const { params } = asked.params as unknown as { params: unknown };
    expect(await at(0).notices.subscribers({ ...asked, params })).toEqual({
      users: ['teodor'],
      next: undefined,
    });

    await at(1).events.change(id, 'orla', version++, { state: 'draft' });
    await at(0).events.change(id, 'orla', version++, { state: 'public' });
    await Promise.all(demos.map(({ notices }) => notices.catchUp()));
    expect((await at(0).server.notify.history(`event/${id}/1`))?.notification.state).toBe('cancelled');
    expect((await at(0).server.notify.history(`event/${id}/2`))?.notification.state).toBe('scheduled');

    await at(0).events.remove(id, 'orla');
    await Promise.all(demos.map(({ notices }) => notices.catchUp()));
    expect((await at(0).server.notify.history(`event/${id}/2`))?.notification.state).toBe('cancelled');
    expect(await at(0).database.db.selectFrom('events').select('id').execute()).toEqual([]);
  });

  test('an audience comes page by page, each once', async () => {
    const { id, startsAt } = await posted('orla');
    for (const each of ['teodor', 'winifred', 'barnaby']) await at(0).events.subscribe(id, each);
    const seen: unknown[] = [];
    for (let after: string | undefined, i = 0; i === 0 || after !== undefined; i++) {
      const params = { event: id, startsAt: Date.parse(startsAt) };
      const page: Awaited<ReturnType<Demo['notices']['subscribers']>> = await at(i).notices.subscribers({
        params,
        after,
        limit: 2,
      });
      seen.push(...page.users);
      after = page.next;
    }
    expect(seen).toEqual(['barnaby', 'teodor', 'winifred']);
  });

  test('what was kept is there for another server, which brings nothing up to date twice', async () => {
    const { id } = await posted('orla', 26);
    await at(0).events.subscribe(id, 'teodor');
    await Promise.all(demos.splice(0).map((demo) => demo.stop()));
    demos = await Promise.all([open(), open()]);
    expect(await at(0).events.get(id, 'teodor')).toMatchObject({ isSubscribed: true });
    expect(await at(0).accounts.signIn(orlas)).toMatchObject({ account: { id: 'orla' } });
    at(0).clock.set(3 * hourMs);
  });
}

/** The database as it was then. */
async function beforeEmails({ database: { db } }: Demo): Promise<void> {
  // MySQL has another word for it, and drops it with its column.
  await sql`drop index people_email`.execute(db).catch(() => {});
  await sql`alter table people drop column email`.execute(db);
  await sql`alter table people drop column token_version`.execute(db);
  await sql`delete from demo_migrations where name = '5-sign-in'`.execute(db);
}
