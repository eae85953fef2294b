import { describe, expect, test } from '@jest/globals';
import { notice } from '../../test/api.ts';
import { api, demo, posted, reopen, tokens, withRest } from '../../test/rest-stage.ts';

withRest();

describe('posting', () => {
  test('gives the event, with where it is and which version', async () => {
    const draft = notice();
    const { status, body, headers } = await api.post(tokens.orla, draft);
    expect(status).toBe(201);
    expect(body).toEqual({
      ...draft,
      id: expect.stringMatching(/^[\w-]{16}$/),
      owner: { id: 'orla', name: 'Orla Finch' },
      isYours: true,
      isSubscribed: false,
      subscribers: 0,
      version: 1,
    });
    expect(headers.get('location')).toBe(`/api/events/${body.id}`);
    expect(headers.get('etag')).toBe('W/"1"');
    expect((await api.get(body.id, tokens.orla)).body).toEqual(body);
  });

  test('a time may have any zone', async () => {
    const { body } = await api.post(tokens.orla, notice(0, { startsAt: '2100-01-02T03:04:00+05:30' }));
    expect(body.startsAt).toBe('2100-01-01T21:34:00.000Z');
  });

  test('is for who is signed in', async () => {
    const { status, body } = await api.post(undefined, notice());
    expect([status, body.error.code]).toEqual([401, 'NO_PASS']);
    expect((await api.post('nonsense', notice())).status).toBe(401);
    expect((await api.list()).events).toEqual([]);
  });

  test('is over after so many, until one is taken down', async () => {
    await reopen({ limits: { eventsEach: 1, subscriptionsEach: 3 } });
    const { id } = await posted(tokens.orla);
    const { status, body } = await api.post(tokens.orla, notice());
    expect([status, body.error.code]).toEqual([409, 'TOO_MANY_EVENTS']);
    await posted(tokens.teodor);
    await api.takeDown(id, tokens.orla);
    await posted(tokens.orla);
  });
});

describe('who sees what', () => {
  test('what is public, everybody, signed in or not', async () => {
    const { id } = await posted(tokens.orla);
    for (const token of [undefined, tokens.orla, tokens.teodor]) {
      expect((await api.get(id, token)).body).toMatchObject({ id, isYours: token === tokens.orla });
      expect((await api.list(token)).events).toMatchObject([{ id }]);
    }
  });

  test('a draft, its owner alone: for all others it is not there', async () => {
    const { id } = await posted(tokens.orla, 26, { state: 'draft' });
    expect((await api.list(tokens.orla)).events).toMatchObject([{ id, state: 'draft' }]);
    for (const token of [undefined, tokens.teodor]) {
      const nowhere = await api.get('there-is-no-such', token);
      expect((await api.list(token)).events).toEqual([]);
      expect(await api.get(id, token)).toMatchObject({ status: 404, body: nowhere.body });
    }
    const nowhere = await api.putDown('there-is-no-such', tokens.teodor);
    for (const answer of [
      await api.putDown(id, tokens.teodor),
      await api.change(id, tokens.teodor, 1, { headline: 'Mine' }),
      await api.takeDown(id, tokens.teodor),
    ])
      expect(answer).toMatchObject({ status: 404, body: nowhere.body });
  });

  test('what is private, who has its address; in lists, who is down for it', async () => {
    const { id } = await posted(tokens.orla, 26, { state: 'private' });
    expect((await api.list(tokens.teodor)).events).toEqual([]);
    expect((await api.get(id)).status).toBe(200);
    expect((await api.putDown(id, tokens.teodor)).status).toBe(200);
    expect((await api.list(tokens.teodor)).events).toMatchObject([{ id, isSubscribed: true }]);
    expect((await api.list(tokens.winifred)).events).toEqual([]);
  });

  test('what became a draft is no more for who was down for it, until it is out again', async () => {
    const { id } = await posted(tokens.orla);
    await api.putDown(id, tokens.teodor);
    await api.change(id, tokens.orla, 1, { state: 'draft' });
    expect((await api.list(tokens.teodor)).events).toEqual([]);
    expect((await api.get(id, tokens.teodor)).status).toBe(404);
    await api.change(id, tokens.orla, 2, { state: 'public' });
    expect((await api.list(tokens.teodor)).events).toMatchObject([{ id, isSubscribed: true }]);
  });

  test('a token that is no good is not nobody', async () => {
    expect((await api.ask('GET', '/events', { token: 'nonsense' })).status).toBe(401);
  });
});

describe('the list', () => {
  test('is by start, page by page, each once', async () => {
    const hours = [30, 26, 28, 26, 27];
    const startsAt = new Map(hours.map((each) => [each, notice(each).startsAt]));
    for (const each of hours) await posted(tokens.orla, 0, { startsAt: startsAt.get(each) as string });
    const seen: string[] = [];
    let pages = 0;
    for (let after: string | undefined = ''; after !== undefined; pages++) {
      const page: Awaited<ReturnType<typeof api.list>> = await api.list(
        undefined,
        `?limit=2${after && `&after=${after}`}`,
      );
      expect(page.events.length).toBeLessThanOrEqual(2);
      seen.push(...page.events.map((event) => event.startsAt));
      after = page.next;
    }
    expect(pages).toBe(3);
    expect(seen).toEqual([26, 26, 27, 28, 30].map((each) => startsAt.get(each)));
  });

  test('has no more what has begun, other than for who is concerned', async () => {
    const { id } = await posted(tokens.orla, 0.5);
    await api.putDown(id, tokens.teodor);
    await api.later('hour', tokens.orla);
    for (const token of [undefined, tokens.winifred]) expect((await api.list(token)).events).toEqual([]);
    for (const token of [tokens.orla, tokens.teodor])
      expect((await api.list(token)).events).toMatchObject([{ id }]);
  });
});

describe('changing', () => {
  test('gives it as it is then, and a new version', async () => {
    const { id } = await posted(tokens.orla);
    const startsAt = notice(50).startsAt;
    const { status, body, headers } = await api.change(id, tokens.orla, 1, {
      headline: 'Stagger-through',
      startsAt,
    });
    expect([status, headers.get('etag')]).toEqual([200, 'W/"2"']);
    expect(body).toMatchObject({
      headline: 'Stagger-through',
      startsAt,
      place: 'Rehearsal room',
      version: 2,
    });
    expect((await api.get(id)).body).toEqual({ ...body, isYours: false });
  });

  test('is for its owner: others are refused, and nothing is changed', async () => {
    const { id } = await posted(tokens.orla);
    for (const answer of [
      await api.change(id, tokens.teodor, 1, { headline: 'Mine' }),
      await api.takeDown(id, tokens.teodor),
    ])
      expect([answer.status, answer.body.error.code]).toEqual([403, 'NOT_YOURS']);
    expect((await api.change(id, undefined, 1, { headline: 'Mine' })).status).toBe(401);
    expect((await api.takeDown(id)).status).toBe(401);
    expect((await api.get(id)).body).toMatchObject({ headline: 'Read-through', version: 1 });
  });

  test('of what was changed meanwhile is refused: of two at the same time one is', async () => {
    const { id } = await posted(tokens.orla);
    const both = await Promise.all(
      ['One', 'Other'].map((headline) => api.change(id, tokens.orla, 1, { headline })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
    const done = both.find(({ status }) => status === 200);
    expect((await api.get(id)).body).toMatchObject({ headline: done?.body.headline, version: 2 });
  });

  test.each([
    ['W/"1"', 200],
    ['"1"', 200],
    ['W/"2"', 412],
    ['"one"', 412],
    ['*', 412],
  ])('If-Match %s: %d', async (tag, wanted) => {
    const { id } = await posted(tokens.orla);
    expect((await api.change(id, tokens.orla, tag, { headline: 'Other' })).status).toBe(wanted);
  });

  test('without If-Match is refused', async () => {
    const { id } = await posted(tokens.orla);
    const { status, body } = await api.ask('PATCH', `/events/${id}`, {
      token: tokens.orla,
      body: { headline: 'x' },
    });
    expect([status, body.error.code]).toEqual([428, 'NO_VERSION']);
  });

  test('a draft of which the time has passed cannot come out', async () => {
    const { id } = await posted(tokens.orla, 0.5, { state: 'draft' });
    await api.later('hour', tokens.orla);
    const { status, body } = await api.change(id, tokens.orla, 1, { state: 'public' });
    expect([status, body.error.code]).toEqual([400, 'PAST_START']);
    expect(
      (await api.change(id, tokens.orla, 1, { state: 'public', startsAt: notice(3).startsAt })).status,
    ).toBe(200);
  });

  test('of what is over is for its words', async () => {
    const { id } = await posted(tokens.orla, 0.5);
    await api.later('hour', tokens.orla);
    expect((await api.change(id, tokens.orla, 1, { description: 'It went well.' })).status).toBe(200);
  });
});

describe('putting oneself down', () => {
  test('is once, however often', async () => {
    const { id } = await posted(tokens.orla);
    for (let i = 0; i < 2; i++) {
      const { status, body } = await api.putDown(id, tokens.teodor);
      expect(status).toBe(200);
      expect(body).toMatchObject({ isSubscribed: true, subscribers: 1 });
    }
    expect((await api.get(id, tokens.winifred)).body).toMatchObject({ isSubscribed: false, subscribers: 1 });
    for (let i = 0; i < 2; i++) expect((await api.strikeOff(id, tokens.teodor)).status).toBe(204);
    expect((await api.get(id, tokens.teodor)).body).toMatchObject({ isSubscribed: false, subscribers: 0 });
  });

  test.each<
    [string, (id: string) => Promise<{ status: number; body: { error: { code: string } } }>, number, string]
  >([
    ['one’s own', (id) => api.putDown(id, tokens.orla), 409, 'OWN_EVENT'],
    ['without a token', (id) => api.putDown(id), 401, 'NO_PASS'],
    ['what is not there', () => api.putDown('none', tokens.teodor), 404, 'NOT_FOUND'],
    [
      'what has begun',
      async (id) => {
        await api.later('day', tokens.orla);
        await api.later('day', tokens.orla);
        return api.putDown(id, tokens.teodor);
      },
      409,
      'OVER',
    ],
    [
      'what was taken down',
      async (id) => {
        await api.takeDown(id, tokens.orla);
        return api.putDown(id, tokens.teodor);
      },
      404,
      'NOT_FOUND',
    ],
  ])('is refused for %s', async (_, attempt, status, code) => {
    const { id } = await posted(tokens.orla);
    const answer = await attempt(id);
    expect([answer.status, answer.body.error.code]).toEqual([status, code]);
  });

  test('is for so many, until one strikes oneself off', async () => {
    await reopen({ limits: { eventsEach: 9, subscriptionsEach: 3 } });
    const ids = [];
    for (let i = 0; i < 4; i++) ids.push((await posted(tokens.orla)).id);
    const [first = '', second = '', third = '', fourth = ''] = ids;
    for (const id of [first, second, third]) expect((await api.putDown(id, tokens.teodor)).status).toBe(200);
    const { status, body } = await api.putDown(fourth, tokens.teodor);
    expect([status, body.error.code]).toEqual([409, 'TOO_MANY_SUBSCRIPTIONS']);
    // One that one is down for already is none more.
    expect((await api.putDown(third, tokens.teodor)).status).toBe(200);
    await api.strikeOff(first, tokens.teodor);
    expect((await api.putDown(fourth, tokens.teodor)).status).toBe(200);
  });
});

test('what is taken down is gone for everybody, and counts no more', async () => {
  const { id } = await posted(tokens.orla);
  await api.putDown(id, tokens.teodor);
  expect(await api.takeDown(id, tokens.orla)).toMatchObject({ status: 204, body: undefined });
  for (const token of [undefined, tokens.orla, tokens.teodor]) {
    expect((await api.get(id, token)).status).toBe(404);
    expect((await api.list(token)).events).toEqual([]);
  }
  expect((await api.takeDown(id, tokens.orla)).status).toBe(404);
  expect((await api.change(id, tokens.orla, 1, { headline: 'x' })).status).toBe(404);
  expect(await demo.database.db.selectFrom('events').selectAll().execute()).toEqual([]);
  expect(await demo.database.db.selectFrom('subscriptions').selectAll().execute()).toEqual([]);
});
