import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { ReplyError, SendFailed } from '../index.ts';

const open = { canSubscribe: () => true, canPublish: () => true };
const channels = {
  'last/+': { ...open, retain: true },
  'kept/+': { ...open, history: { size: 9 } },
};

describe('what a publication is refused for', () => {
  const made = (validate: (value: unknown) => unknown) => ({
    '~standard': { version: 1 as const, vendor: 'test', validate: validate as never },
  });

  test('costs no more than it must: the rate comes first, and of those who never may it keeps nothing', async () => {
    let asked = 0;
    const counts = made((value) => {
      asked++;
      return { value };
    });
    const { connect } = await createHarness({
      channels: {
        open: { canPublish: () => ++asked > 0, schema: counts, maxPerSecond: 1 },
        closed: { schema: counts, maxPerSecond: 1 },
      },
    });
    const tab = await connect(1);
    for (let i = 0; i < 5; i++) await tab.expectError(tab.publish('closed', 1), 'FORBIDDEN');
    expect(asked).toBe(0);
    for (let i = 0; i < 2; i++) await tab.expectReply(tab.publish('open', 1));
    for (let i = 0; i < 5; i++) await tab.expectError(tab.publish('open', 1), 'RATE_LIMITED');
    expect(asked).toBe(4);
  });

  test('rights, by what the schema made of the data: that is what is published', async () => {
    const trims = made((value) => ({ value: String(value).trim() }));
    const { connect } = await createHarness({
      channels: { a: { ...open, canPublish: ({ data }) => data !== 'admin', schema: trims } },
    });
    const [tab, other] = [await connect(1), await connect(2)];
    await other.join('a');
    await tab.expectError(tab.publish('a', ' admin'), 'FORBIDDEN');
    await tab.expectReply(tab.publish('a', ' Ada '));
    await other.expectPublication({ data: 'Ada' });
    await other.expectNothing();
  });

  test('a schema that does not answer: CHECK_TIMEOUT, and its answer comes to nothing', async () => {
    const answers: ((result: { value: unknown }) => void)[] = [];
    const waits = made(() => new Promise<{ value: unknown }>((resolve) => answers.push(resolve)));
    const { connect, clock } = await createHarness({ channels: { a: { ...open, schema: waits } } });
    const tab = await connect(1);
    await tab.join('a');
    const mid = tab.publish('a', 1);
    await clock.advanceAsync(30_000);
    expect(await tab.expectError(mid, 'CHECK_TIMEOUT')).toMatchObject({ retryable: true });
    answers[0]?.({ value: 'late' });
    await tab.expectNothing();
    tab.request({ op: 'publish', channel: 'a', data: 1, mid });
    await clock.settle();
    answers[1]?.({ value: 'again' });
    await tab.expectReply(mid);
    await tab.expectPublication({ offset: 1, data: 'again' });
    await tab.expectNothing();
  });

  test.each<[string, () => unknown]>([
    ['throws', () => fail()],
    ['rejects', async () => fail()],
    ['makes nothing of it', () => ({ value: undefined })],
    ['makes of it what JSON does not hold', () => ({ value: 1n })],
  ])('a schema that %s: INTERNAL, and it is logged', async (_, validate) => {
    const harness = await createHarness({
      channels: { a: { ...open, schema: made(validate) }, b: open },
    });
    const { server, connect } = harness;
    const [tab, other] = [await connect(1), await connect(2)];
    await other.join(['a', 'b']);
    await tab.expectError(tab.publish('a', 1), 'INTERNAL');
    expect(harness.errors).toHaveLength(1);
    await expect(server.publish('a', 1)).rejects.not.toBeInstanceOf(SendFailed);
    await tab.expectReply(tab.publish('b', 1));
    await other.expectPublication({ channel: 'b', offset: 1 });
    await other.expectNothing();
  });
});

test('a rate of less than one in two seconds lets one through at a time', async () => {
  const { connect, clock } = await createHarness({ channels: { a: { ...open, maxPerSecond: 0.1 } } });
  const tab = await connect(1);
  await tab.expectReply(tab.publish('a', 1));
  const { retryAfterMs } = await tab.expectError(tab.publish('a', 2), 'RATE_LIMITED');
  expect(retryAfterMs).toBe(10_000);
  await clock.advanceAsync(10_000);
  await tab.expectReply(tab.publish('a', 2));
});

describe('bad input', () => {
  test.each([
    { meta: [] },
    { meta: 'm' },
    { version: -1 },
    { version: 0.5 },
    { version: Number.NaN },
    { key: '' },
    { key: 'x'.repeat(256) },
    { key: 5 },
    { key: 'a\u0000' },
    { version: '1' },
    { meta: null },
  ])('%j is refused, and changes nothing', async (fields) => {
    const { server, connect } = await createHarness({ channels });
    const [tab, other] = [await connect(1), await connect(2)];
    await other.join('last/1');
    await tab.expectError(tab.publish('last/1', 1, fields as never), 'INVALID_REQUEST');
    await expect(server.publish('last/1', 1, fields as never)).rejects.toThrow(TypeError);
    await other.expectNothing();
    await tab.expectReply(tab.publish('last/1', 'fine'));
    await other.expectPublication({ offset: 1, data: 'fine' });
  });

  test.each([{ b64: '!' }, { b64: 7 }, undefined, 1n, () => {}])('%p is no data', async (data) => {
    const { server, connect } = await createHarness({ channels });
    const tab = await connect(1);
    await tab.join('last/1');
    await expect(server.publish('last/1', data)).rejects.toThrow(TypeError);
    await tab.expectNothing();
    await server.publish('last/1', { b64: 7, more: 1 });
    await tab.expectPublication({ offset: 1, data: { b64: 7, more: 1 } });
  });

  test('a frame over the limit ends its connection, and nothing else', async () => {
    const { server, connect } = await createHarness({ channels, limits: { maxFrameBytes: 1_000 } });
    const [tab, other] = [await connect(1), await connect(2)];
    for (const client of [tab, other]) await client.join('kept/1');
    tab.publish('kept/1', 'x'.repeat(1_000));
    await tab.expectClose('FRAME_TOO_LARGE');
    await server.publish('kept/1', 'fine');
    await other.expectPublication({ offset: 1, data: 'fine' });
    await other.expectNothing();
  });

  test('an excluded client is named by its id', async () => {
    const { server, connect } = await createHarness({ channels });
    const [tab, other] = [await connect(1), await connect(1)];
    for (const client of [tab, other]) await client.join('kept/1');
    await server.publish('kept/1', 1, { exclude: tab.clientId });
    await expect(server.publish('kept/1', 1, { exclude: 7 as never })).rejects.toThrow(TypeError);
    await other.expectPublication({ data: 1 });
    for (const client of [tab, other]) await client.expectNothing();
  });

  test('what a policy throws to refuse had no effect, and says so', async () => {
    const spam = () => {
      throw new ReplyError('SPAM');
    };
    const { connect } = await createHarness({ channels: { a: { canPublish: spam, canSubscribe: spam } } });
    const tab = await connect(1);
    for (const mid of [
      tab.publish('a', 1),
      tab.request({ op: 'subscribe', channels: ['a'] }),
      tab.request({ op: 'history', channel: 'a' }),
    ])
      expect(await tab.expectError(mid, 'SPAM')).toMatchObject({ effect: 'none', retryable: false });
  });
});

function fail(): never {
  throw new Error('broken');
}
