import assert from 'node:assert/strict';
import { type Codec, Disconnect, frameLimits, RequestRefused } from '@callboard/protocol';
import { clientFrames, sampleAction, sampleSender, serverFrames } from './sample-frames.ts';
import type { SuiteRunner } from './stream-log-suite.ts';

/** What every `Codec` must do. */
export function codecSuite(name: string, codec: Codec, { describe, test }: SuiteRunner): void {
  const check = (title: string, body: () => void) => test(title, async () => body());
  /** A text that holds `frame`, whatever it is. */
  const textOf = (frame: object) => codec.encode(frame as never);
  const refusal = (frame: object): RequestRefused => {
    try {
      codec.decodeClient(textOf(frame));
    } catch (error) {
      assert.ok(error instanceof RequestRefused, `thrown: ${String(error)}`);
      return error;
    }
    return assert.fail('it was not refused');
  };
  const malformed = (decode: () => unknown) =>
    assert.throws(decode, (error) => error instanceof Disconnect && error.code === 3502);

  describe(`${name} is a codec`, () => {
    check('has the name of a subprotocol', () => assert.match(codec.name, /^[!-~]+$/));

    for (const frame of clientFrames) {
      check(`a client's ${described(frame)} arrives as it was sent`, () =>
        assert.deepEqual(codec.decodeClient(codec.encode(frame)), frame),
      );
    }
    for (const frame of serverFrames) {
      check(`a server's ${described(frame)} arrives as it was sent`, () =>
        assert.deepEqual(codec.decodeServer(codec.encode(frame)), frame),
      );
    }

    check('a reply without a result has none', () => {
      const frame = codec.decodeServer(codec.encode({ op: 'reply', mid: 1, result: undefined }));
      assert.equal('result' in frame, false);
    });

    check('a message is made of its offset and of a body that was made once', () => {
      for (const body of [{ action: sampleAction }, { action: sampleAction, from: sampleSender }]) {
        const encoded = codec.encodeBody(body);
        for (const offset of [1, 2, Number.MAX_SAFE_INTEGER]) {
          assert.deepEqual(codec.decodeServer(codec.message(offset, encoded)), {
            op: 'message',
            offset,
            ...body,
          });
        }
      }
    });

    check('a publication is made of its channel, its place and a body, and may be a last value', () => {
      for (const data of [sampleAction, null, 0, '', [], 21.5]) {
        const encoded = codec.encodeBody({ data, from: sampleSender });
        const at = { epoch: 'ö"\\', offset: 7 };
        const frame = { op: 'publication', channel: 'ä/"\\', ...at, data, from: sampleSender };
        assert.deepEqual(codec.decodeServer(codec.publication('ä/"\\', at, encoded)), frame);
        const last = codec.decodeServer(codec.publication('ä/"\\', at, encoded, 90));
        assert.deepEqual(last, { ...frame, retained: true, ageMs: 90 });
      }
      assert.throws(() => codec.encodeBody({ data: undefined }), TypeError);
    });

    check('a publication carries bytes, meta and a version', () => {
      const encoded = codec.encodeBody({ data: Uint8Array.of(0, 255), meta: { a: [1] }, version: 0 });
      assert.deepEqual(codec.decodeServer(codec.publication('a', { epoch: 'e', offset: 7 }, encoded)), {
        op: 'publication',
        channel: 'a',
        epoch: 'e',
        offset: 7,
        data: { b64: 'AP8=' },
        meta: { a: [1] },
        version: 0,
      });
      for (const b64 of ['A', 'A===', 'AA-_', 7])
        assert.throws(() => codec.encodeBody({ data: { b64 } }), TypeError);
      assert.doesNotThrow(() => codec.encodeBody({ data: { b64: 7, more: 1 } }));
    });

    check('a page of a history is made of bodies that were made once', () => {
      const position = { epoch: 'ä"', offset: 9 };
      const bodies = [{ data: sampleAction, from: sampleSender, meta: {}, version: 3 }, { data: null }];
      for (const place of [{ position }, { position, before: { ...position, offset: 7 } }])
        for (const count of [0, 1, 2]) {
          const page = bodies.slice(0, count).map((body, i) => ({ offset: i + 7, ...body }));
          const entries = page.map(({ offset, ...body }) => ({ offset, body: codec.encodeBody(body) }));
          assert.deepEqual(codec.decodeServer(codec.page(5, entries, place)), {
            op: 'reply',
            mid: 5,
            result: { publications: page, ...place },
          });
        }
    });

    check('fields that it does not know are dropped from what a client sent', () => {
      const frame = { op: 'call', mid: 1, action: { type: 'A' } };
      assert.deepEqual(codec.decodeClient(textOf({ ...frame, later: 'version' })), frame);
    });

    check('what is no frame is malformed', () => {
      for (const text of ['', ' ', '\u0000', '{', 'null', '[]', '"call"', '1'])
        malformed(() => codec.decodeClient(text));
      for (const text of ['', '{', 'null', '1']) malformed(() => codec.decodeServer(text));
      for (const frame of [{}, { op: 1 }, { op: 'nonsense' }, { op: 'call', action: { type: 'A' } }])
        malformed(() => codec.decodeClient(textOf(frame)));
      for (const mid of [0, -1, 1.5, '1', 2 ** 53])
        malformed(() => codec.decodeClient(textOf({ op: 'call', mid, action: { type: 'A' } })));
    });

    check('an op that it does not know is refused by its mid', () => {
      const { mid, error } = refusal({ op: 'nonsense', mid: 7 });
      assert.deepEqual([mid, error.code], [7, 'UNKNOWN_OP']);
    });

    check('a request that is not well formed is refused by its mid', () => {
      for (const fields of [
        { op: 'call' },
        { op: 'call', action: [] },
        { op: 'call', action: { type: '' } },
        { op: 'call', action: { type: 'A' }, settled: -1 },
        { op: 'send', action: { type: 'A' }, to: [] },
        { op: 'send', action: { type: 'A' }, to: [{}] },
        { op: 'subscribe', events: [] },
        { op: 'subscribe' },
        { op: 'subscribe', channels: [] },
        { op: 'unsubscribe', channels: [1] },
        { op: 'publish', channel: 'a' },
        { op: 'refresh' },
      ]) {
        const { mid, error } = refusal({ ...fields, mid: 7 });
        assert.deepEqual([mid, error.code], [7, 'INVALID_REQUEST'], JSON.stringify(fields));
      }
    });

    check('a name that is no channel’s is refused with its own code', () => {
      for (const channel of ['', '$inbox', 'a+', '#/a', 'x'.repeat(256), '€'.repeat(86), 'a\u0000']) {
        for (const fields of [
          { op: 'publish', channel, data: 1 },
          { op: 'subscribe', channels: ['a', channel] },
          { op: 'unsubscribe', channels: [channel] },
        ])
          assert.equal(refusal({ ...fields, mid: 7 }).error.code, 'INVALID_CHANNEL', JSON.stringify(fields));
      }
    });

    check('what is nested too deeply is malformed', () => {
      let deep: object = {};
      for (let i = 0; i <= frameLimits.maxDepth; i++) deep = { deep };
      malformed(() => codec.decodeClient(textOf({ op: 'call', mid: 1, action: { type: 'A', deep } })));
    });

    check('a key that would pollute a prototype is malformed', () => {
      const polluted = Object.defineProperty({ type: 'A' }, '__proto__', { value: {}, enumerable: true });
      malformed(() => codec.decodeClient(textOf({ op: 'call', mid: 1, action: polluted })));
    });

    check('what cannot be encoded throws', () => {
      const cycle: { self?: object } = {};
      cycle.self = cycle;
      for (const result of [1n, cycle]) {
        assert.throws(() => codec.encode({ op: 'reply', mid: 1, result }));
        assert.throws(() => codec.encodeBody({ action: { type: 'A', result } }));
      }
    });
  });
}

function described(frame: { readonly op: string }): string {
  const fields = Object.keys(frame).slice(1);
  return fields.length === 0 ? frame.op : `${frame.op} with ${fields.join(', ')}`;
}
