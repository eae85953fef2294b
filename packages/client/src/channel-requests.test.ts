import { clientFrame } from '@callboard/protocol';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { ChannelStage } from '../test/channel-stage.ts';
import { standing } from '../test/requests-stage.ts';
import { failure } from '../test/support.ts';
import type { HistoryOptions, PublishOptions } from './index.ts';

let stage: ChannelStage;
beforeEach(async () => {
  stage = new ChannelStage();
  await stage.online();
});

const reply = (mid: number, result?: unknown) => stage.receive({ op: 'reply', mid, result });

describe('publish', () => {
  test('sends what it is given, and says what became of it', async () => {
    const channel = stage.client.channel('a');
    const sent = [
      channel.publish({ stock: 41 }),
      channel.publish(null, { meta: { unit: '°C' }, version: 0, key: 'frame-1', exclude: true }),
      channel.publish(21.5, { version: 3, timeoutMs: 7 }),
    ];
    const frames = stage.server.take();
    expect(frames).toMatchObject([
      { op: 'publish', channel: 'a', data: { stock: 41 } },
      { op: 'publish', data: null, meta: { unit: '°C' }, version: 0, key: 'frame-1', exclude: true },
      { op: 'publish', data: 21.5, version: 3 },
    ]);
    expect(Object.keys(frames[0] ?? {})).toEqual(['op', 'mid', 'settled', 'channel', 'data']);
    for (const [i, result] of [undefined, { outcome: 'repeated' }, { outcome: 'stale' }].entries())
      reply(i + 2, result);
    expect((await Promise.all(sent)).map(({ outcome }) => outcome)).toEqual([
      'published',
      'repeated',
      'stale',
    ]);
  });

  test.each([[[]], [[0, 255, 128]], [Array.from({ length: 20_000 }, (_, i) => i % 256)]])(
    'bytes travel as base64 and arrive as bytes',
    async (numbers) => {
      const { heard } = await stage.joined('a');
      void stage.client.channel('a').publish(Uint8Array.from(numbers));
      const [frame] = stage.server.take();
      expect(frame).toMatchObject({ data: { b64: Buffer.from(numbers).toString('base64') } });
      stage.publication('a', 1, { data: (frame as { readonly data?: unknown }).data });
      expect(heard).toEqual([Uint8Array.from(numbers)]);
    },
  );

  test('bytes are those of the moment', async () => {
    const bytes = Uint8Array.of(1);
    stage.client.drop();
    void stage.client.channel('a').publish(bytes);
    bytes[0] = 2;
    await stage.back();
    const { texts } = stage.server;
    expect(texts.some((text) => text.includes('"b64":"AQ=="'))).toBe(true);
  });

  test('what is no bytes stays what it is', async () => {
    const { heard } = await stage.joined('a');
    const odd = [{ b64: 7 }, { b64: 'A' }, { b64: 'AQ==', more: 1 }, ['AQ=='], { b65: 'AQ==' }];
    for (const [i, data] of odd.entries()) stage.publication('a', i + 1, { data });
    expect(heard).toEqual(odd);
  });

  test('that is refused can be retried, and gives what it would have given', async () => {
    const sent = stage.client.channel('a').publish(1);
    stage.receive({ op: 'error', mid: 2, code: 'RATE_LIMITED', message: 'no', retryable: true });
    const error = await failure(sent);
    expect(error).toMatchObject({ code: 'RATE_LIMITED', effect: 'none', action: { type: 'publish' } });
    const again = error.retry();
    expect(stage.server.take()).toMatchObject([{ data: 1 }, { data: 1 }]);
    reply(3);
    expect(await again).toEqual({ outcome: 'published' });
  });

  const round: Record<string, unknown> = {};
  round.round = round;
  const deep = JSON.parse(`${'['.repeat(70)}${']'.repeat(70)}`) as unknown;
  test.each<[string, unknown, PublishOptions]>([
    ['data that goes round', round, {}],
    ['data that is too deep', deep, {}],
    ['data that would pollute', JSON.parse('{"__proto__":1}'), {}],
    ['data of a kind that JSON has not', 1n, {}],
    ['meta that goes round', 1, { meta: round }],
    ['a version of a kind that JSON has not', 1, { version: 1n as never }],
  ])('%s is refused before it is sent, and costs nothing', async (_, data, options) => {
    const sent = failure(stage.client.channel('a').publish(data, options));
    expect(await sent).toMatchObject({ code: 'INVALID_REQUEST', effect: 'none' });
    expect([stage.server.take(), stage.state]).toEqual([[], 'online']);
  });

  test.each<[string, unknown, unknown]>([
    ['no data', undefined, {}],
    ['meta', 1, { meta: 7 }],
    ['a version', 1, { version: Number.NaN }],
    ['a key', 1, { key: '' }],
    ['exclude', 1, { exclude: 'yes' }],
  ])('an odd option is the server’s to refuse: %s', (_, data, options) => {
    void stage.client
      .channel('a')
      .publish(data, options as PublishOptions)
      .catch(() => {});
    const [text = ''] = stage.server.texts.slice(-1);
    expect(() => clientFrame(JSON.parse(text))).toThrow(
      expect.objectContaining({ mid: 2, error: expect.objectContaining({ code: 'INVALID_REQUEST' }) }),
    );
  });

  test('is one of those that may wait', async () => {
    stage = new ChannelStage({ maxQueued: 1 });
    const channel = stage.client.channel('a');
    void channel.publish(1).catch(() => {});
    expect(await standing(channel.publish(2))).toBe('QUEUE_FULL, effect none');
    expect(await standing(channel.history())).toBe('QUEUE_FULL, effect none');
  });
});

describe('history', () => {
  const position = { epoch: 'epoch-1', offset: 18 };

  test('pages back', async () => {
    const channel = stage.client.channel('a');
    const page = channel.history();
    expect(stage.server.take()).toEqual([{ op: 'history', mid: 2, settled: 1, channel: 'a' }]);
    const before = { epoch: 'epoch-1', offset: 16 };
    const from = { userId: '12', clientId: 'c' };
    const publications = [
      { offset: 16, data: { b64: 'AQ==' }, from, meta: { unit: 'x' }, version: 3 },
      { offset: 18, data: null },
    ];
    reply(2, { publications, position, before });
    expect(await page).toEqual({
      publications: [
        {
          ...{ channel: 'a', position: before, data: Uint8Array.of(1), retained: false },
          ...{ from, meta: { unit: 'x' }, version: 3 },
        },
        { channel: 'a', position, data: null, retained: false },
      ],
      position,
      before,
    });
    const last = channel.history({ before, limit: 5, timeoutMs: 7 });
    expect(stage.server.take()).toMatchObject([{ op: 'history', before, limit: 5 }]);
    reply(3, { publications: [], position });
    expect(await last).toEqual({ publications: [], position, before: undefined });
  });

  test('that is refused can be retried, and gives a page', async () => {
    const page = stage.client.channel('a').history({ limit: 1_000 } as HistoryOptions);
    stage.receive({ op: 'error', mid: 2, code: 'UNKNOWN_POSITION', message: 'no', retryable: false });
    const error = await failure(page);
    expect(error).toMatchObject({ code: 'UNKNOWN_POSITION', effect: 'none', action: { type: 'history' } });
    const again = error.retry();
    reply(3, { publications: [{ offset: 18, data: 1 }], position });
    expect(await again).toMatchObject({ publications: [{ channel: 'a', position, retained: false }] });
  });
});

describe('a reply that is none costs the connection, and the request is asked again', () => {
  const position = { epoch: 'e', offset: 1 };
  const page = { publications: [], position };
  const odd: Record<string, unknown[]> = {
    publish: [null, 7, 'published', [], {}, { outcome: 7 }],
    history: [
      ...[undefined, null, 7, [], {}, { ...page, publications: {} }, { ...page, publications: [null] }],
      ...[
        { ...page, publications: [{ offset: 1 }] },
        { ...page, publications: [{ offset: -1, data: 1 }] },
      ],
      ...[
        { ...page, before: null },
        { ...page, position: {} },
      ],
    ],
    subscribe: [
      ...[undefined, null, {}, { streams: null }, { streams: [] }, { streams: {} }],
      ...[
        { streams: { a: {} } },
        { streams: { a: { epoch: 'e' } } },
        { streams: { a: { recovered: false } } },
      ],
      ...[{ streams: { a: position, 'b/+': null } }, { streams: { a: position, 'b/+': { epoch: 7 } } }],
    ],
  };
  const rows = Object.entries(odd).flatMap(([op, results]) => results.map((result) => [op, result] as const));

  test('subscribe: what every object has is no stream', () => {
    stage.client.channel('toString').subscribe(() => {});
    reply(2, { streams: {} });
    expect(stage.state).toBe('reconnecting');
  });

  test.each(rows)('%s: %j', async (op, result) => {
    const channel = stage.client.channel('a');
    const options = { resend: true };
    if (op === 'subscribe') channel.subscribe(() => {});
    const done =
      op === 'subscribe'
        ? channel.joined()
        : op === 'publish'
          ? channel.publish(1, options)
          : channel.history(options);
    reply(2, result);
    expect(stage.state).toBe('reconnecting');
    expect(stage.client.actor.getSnapshot().context.ending?.reason).toBe('not a whole reply frame');
    expect(await standing(done)).toBe('pending');
    const streams = { a: { ...position, recovered: true } };
    await stage.relink({ resumed: true, session: 'secret-2', streams });
    expect(stage.server.take()).toMatchObject([{ op: 'connect' }, { op, mid: 2 }]);
    const whole = { publish: undefined, history: page, subscribe: { streams: { a: position } } };
    reply(2, whole[op as keyof typeof whole]);
    expect(await standing(done)).toHaveProperty('result');
  });
});
