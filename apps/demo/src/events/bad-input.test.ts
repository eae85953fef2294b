import { describe, expect, test } from '@jest/globals';
import { hourMs, notice } from '../../test/api.ts';
import { api, demo, posted, tokens, withRest } from '../../test/rest-stage.ts';

withRest();

describe('what is refused before anybody looks at it:', () => {
  const draft = notice();
  const { headline: _, ...headless } = draft;
  const bodies: [string, unknown][] = [
    ['no JSON', '{"headline":"Read'],
    ['nothing', ''],
    ['null', null],
    ['a list', [draft]],
    ['an empty headline', { ...draft, headline: '' }],
    ['a headline of spaces', { ...draft, headline: '   ' }],
    ['a headline of two lines', { ...draft, headline: 'Read\nthrough' }],
    ['a headline that cannot be seen', { ...draft, headline: '\u200b' }],
    ['a headline that is written backwards', { ...draft, headline: 'Read\u202ehguorht' }],
    ['a headline that is too long', { ...draft, headline: 'x'.repeat(81) }],
    ['a headline that is a number', { ...draft, headline: 7 }],
    ['a description that is too long', { ...draft, description: 'x'.repeat(1_001) }],
    ['a description with a null character', { ...draft, description: 'a\u0000b' }],
    ['a place that is too long', { ...draft, place: 'x'.repeat(81) }],
    ['no place', { ...draft, place: null }],
    ['a time without a zone', { ...draft, startsAt: '2100-01-02T03:04:00' }],
    ['a day', { ...draft, startsAt: '2100-01-02' }],
    ['no day of the calendar', { ...draft, startsAt: '2100-02-30T03:04:00Z' }],
    ['a number', { ...draft, startsAt: 4_102_455_840_000 }],
    ['a time that has passed', { ...draft, startsAt: new Date(Date.now() - 1_000).toISOString() }],
    ['another state', { ...draft, state: 'gone' }],
    ['something besides', { ...draft, owner: 'teodor' }],
  ];
  test.each([...bodies, ['no headline', headless] as const])('posting %s', async (_, body) => {
    const answer = await api.post(tokens.orla, body);
    expect([answer.status, answer.body.error.code]).toEqual([
      400,
      expect.stringMatching(/^INVALID$|^PAST_START$/),
    ]);
    expect((await api.list(tokens.orla)).events).toEqual([]);
  });

  test.each([...bodies, ['no change', {}] as const])('changing to %s', async (_, body) => {
    const { id } = await posted(tokens.orla);
    const answer = await api.change(id, tokens.orla, 1, body);
    expect([answer.status, answer.body.error.code]).toEqual([
      400,
      expect.stringMatching(/^INVALID$|^PAST_START$/),
    ]);
    expect((await api.get(id)).body.version).toBe(1);
  });

  test('too large, and no JSON by its type', async () => {
    expect((await api.post(tokens.orla, notice(26, { description: 'x'.repeat(20_000) }))).status).toBe(413);
    const answer = await api.ask('POST', '/events', {
      ...{ token: tokens.orla, body: JSON.stringify(notice()) },
      headers: { 'content-type': 'text/plain' },
    });
    expect([answer.status, answer.body.error.code]).toEqual([415, 'UNSUPPORTED_TYPE']);
  });

  test('the longest that is good is taken', async () => {
    // Three bytes each.
    const all = { headline: '剧'.repeat(80), description: '剧'.repeat(1_000), place: '剧'.repeat(80) };
    const { body } = await api.post(tokens.orla, notice(26, all));
    expect(body).toMatchObject(all);
    const crew = { headline: '👩‍🚀 and 🧑‍🔧', description: 'One\r\n\tTwo 👩‍🚀', place: 'שער 3' };
    expect((await api.post(tokens.orla, notice(26, crew))).body).toMatchObject(crew);
  });

  test.each([
    '?limit=0',
    '?limit=101',
    '?limit=x',
    '?after=',
    '?after=x',
    '?after=1',
    '?after=1.',
    '?page=2',
    '?after=1.a&after=1.b',
  ])('listing %s', async (query) => {
    const { status, body } = await api.ask('GET', `/events${query}`);
    expect([status, body.error.code]).toEqual([400, 'INVALID']);
  });

  test.each(['x'.repeat(65), 'a%20b', '%00', '..%2f..', 'a"b'])('the event %s', async (id) => {
    for (const answer of [
      await api.get(id, tokens.orla),
      await api.change(id, tokens.orla, 1, { headline: 'x' }),
      await api.takeDown(id, tokens.orla),
      await api.putDown(id, tokens.orla),
      await api.strikeOff(id, tokens.orla),
    ]) {
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(answer.body.error.code).toEqual(expect.any(String));
    }
  });
});

describe('the clock', () => {
  test('goes an hour or a day on, for who is signed in', async () => {
    expect((await api.later('hour', tokens.orla)).body).toEqual({ aheadMs: hourMs });
    expect((await api.later('day', tokens.teodor)).body).toEqual({ aheadMs: 25 * hourMs });
    expect((await api.later('hour')).status).toBe(401);
  });

  test.each(['year', '', 3_600_000])('not by %p', async (by) => {
    expect((await api.later(by as string, tokens.orla)).status).toBe(400);
  });

  test('not into the year after next', async () => {
    demo.clock.set(366 * 24 * hourMs);
    const { status, body } = await api.later('hour', tokens.orla);
    expect([status, body.error.code]).toEqual([400, 'INVALID']);
  });
});
