import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { assertReadable, jsonCodec } from './codec.ts';
import { Disconnect, disconnects } from './errors.ts';
import type { ClientFrame, ServerFrame } from './frames.ts';
import { frameLimits, RequestRefused } from './validate.ts';

/** What every codec must do is in the test kit's suite; here is what JSON brings along. */

const { decodeClient, decodeServer, encode, encodeBody, message } = jsonCodec;

/** The reason why it closes the connection; undefined where it does not. */
function malformed(text: string, decode: (text: string) => unknown = decodeClient): string | undefined {
  try {
    decode(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof Disconnect)) throw error;
    expect(error.code).toBe(disconnects.MALFORMED_FRAME);
    return error.reason;
  }
}

/** A call whose action holds `json` as it is written. */
const call = (json: string) => `{"op":"call","mid":1,"action":{"type":"A","value":${json}}}`;

function valueIn(json: string): unknown {
  const frame = decodeClient(call(json));
  return frame.op === 'call' ? frame.action.value : undefined;
}

describe('what is JSON', () => {
  test.each([
    ['nothing', ''],
    ['a byte order mark before it', '\uFEFF{"op":"pong"}'],
    ['single quotes', "{'op':'pong'}"],
    ['a comment', '{"op":"pong"/**/}'],
    ['a comma at the end', '{"op":"pong",}'],
    ['a bare name', '{op:"pong"}'],
    ['two values', '{"op":"pong"}{"op":"pong"}'],
    ['NaN', call('NaN')],
    ['Infinity', call('-Infinity')],
    ['a hexadecimal number', call('0x10')],
    ['a leading zero', call('01')],
    ['a plus sign', call('+1')],
    ['undefined', call('undefined')],
    ['a control character in a string', call('"\n"')],
    ['a bad escape', call('"\\x41"')],
  ])('%s is malformed', (_, text) => {
    expect(malformed(text)).toBe('not JSON');
  });

  test.each([['[]'], ['null'], ['true'], ['1'], ['"pong"'], ['[{"op":"pong"}]']])(
    '%s is no frame',
    (text) => {
      expect(malformed(text)).toBe('a frame is a JSON object');
      expect(malformed(text, decodeServer)).toBe('not a frame');
    },
  );

  test('white space around a frame is nothing', () => {
    expect(decodeClient(' \t\r\n{ "op" : "pong" }\n')).toEqual({ op: 'pong' });
  });

  test('of a key that occurs twice the last value counts', () => {
    expect(decodeClient('{"op":"call","op":"pong","settled":1,"settled":2}')).toEqual({
      op: 'pong',
      settled: 2,
    });
  });

  test.each([
    ['-0', -0],
    ['1e400', Number.POSITIVE_INFINITY],
    ['-1e400', Number.NEGATIVE_INFINITY],
    ['1e-400', 0],
    ['9007199254740993', 9007199254740992],
    ['1E2', 100],
    ['0.1', 0.1],
  ])('%s in an action is the number that JavaScript makes of it', (json, value) => {
    expect(valueIn(json)).toBe(value);
  });

  test.each([
    ['1e0', 1],
    ['1.0', 1],
    ['10E-1', 1],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('%s is a mid', (json, mid) => {
    expect(decodeClient(`{"op":"refresh","mid":${json},"token":""}`)).toEqual({
      op: 'refresh',
      mid,
      token: '',
    });
  });

  test.each([
    ['-0'],
    ['0'],
    ['-1'],
    ['1.5'],
    ['9007199254740992'],
    ['1e400'],
    ['"1"'],
    ['true'],
    ['null'],
    ['[1]'],
  ])('%s is no mid', (json) => {
    expect(malformed(`{"op":"refresh","mid":${json},"token":""}`)).toBe('mid is not a whole number above 0');
  });

  test('lone surrogates in an action come and go as they are', () => {
    expect(valueIn('"\\ud800"')).toBe('\ud800');
    const action = { type: 'A', '\udc00': '\ud800' };
    expect(encode({ op: 'message', offset: 1, action })).toContain('\\ud800');
    expect(decodeServer(message(1, encodeBody({ action })))).toEqual({ op: 'message', offset: 1, action });
  });
});

describe('depth', () => {
  /** A call with `wraps` put around a value, the outermost first; the call and its action are two more. */
  const nested = (wraps: readonly string[]) => {
    const ends = { '[': ']', '{"a":': '}', '["]}",': ']', '{"[{\\"":': '}' } as Record<string, string>;
    return call(
      `${wraps.join('')}0${wraps
        .map((wrap) => ends[wrap])
        .reverse()
        .join('')}`,
    );
  };
  const wraps = ['[', '{"a":', '["]}",', '{"[{\\"":'];

  test.each(wraps)('%s within itself: exactly at the limit passes, one more is malformed', (wrap) => {
    const at = frameLimits.maxDepth - 2;
    expect(malformed(nested(Array(at).fill(wrap)))).toBeUndefined();
    expect(malformed(nested(Array(at + 1).fill(wrap)))).toBe('nested too deeply');
  });

  test('objects and arrays count alike', () => {
    const mixed = fc.array(fc.constantFrom(...wraps), { minLength: 55, maxLength: 70 });
    fc.assert(
      fc.property(mixed, (each) => {
        const passes = each.length + 2 <= frameLimits.maxDepth;
        expect(malformed(nested(each))).toBe(passes ? undefined : 'nested too deeply');
      }),
    );
  });

  test('what was closed again does not count', () => {
    expect(malformed(call(`[${'[],{},'.repeat(1_000)}0]`))).toBeUndefined();
  });

  test('brackets in strings do not count', () => {
    for (const text of ['[{'.repeat(100), '\\"[{'.repeat(100), '\\\\', '\\\\\\"[', '\\u005b'.repeat(100)]) {
      expect(malformed(call(`["${text}",{"${text}":0}]`))).toBeUndefined();
    }
  });

  test('a quote in a string does not hide what follows', () => {
    const deep = '['.repeat(100) + ']'.repeat(100);
    expect(malformed(call(`["\\"",${deep}]`))).toBe('nested too deeply');
    expect(malformed(call(`["\\\\",${deep}]`))).toBe('nested too deeply');
  });

  test('a short text is left to the parser', () => {
    expect(malformed('['.repeat(2 * frameLimits.maxDepth))).toBe('not JSON');
    expect(malformed('['.repeat(60_000))).toBe('nested too deeply');
  });

  test('it looks at what a server sent, too, and lets a page of a history be three deeper', () => {
    const page = (wraps: number) => {
      const data = `${'['.repeat(wraps)}0${']'.repeat(wraps)}`;
      return `{"op":"reply","mid":1,"result":{"publications":[{"offset":1,"data":${data}}]}}`;
    };
    const publish = (wraps: number) =>
      `{"op":"publish","mid":1,"channel":"a","data":${'['.repeat(wraps)}0${']'.repeat(wraps)}}`;
    const most = frameLimits.maxDepth - 1;
    expect([malformed(publish(most)), malformed(page(most), decodeServer)]).toEqual([undefined, undefined]);
    expect(malformed(publish(most + 1))).toBe('nested too deeply');
    expect(malformed(page(most + 1), decodeServer)).toBe('nested too deeply');
  });
});

describe('keys that would pollute a prototype', () => {
  const pollution = 'a key that would pollute a prototype';

  test.each([
    ['plainly', '{"__proto__":{"admin":true}}'],
    ['with null', '{"__proto__":null}'],
    ['with a string', '{"__proto__":"x"}'],
    ['escaped', '{"\\u005f_proto__":{}}'],
    ['escaped from end to end', '{"\\u005F\\u005f\\u0070\\u0072\\u006f\\u0074\\u006f\\u005f\\u005f":{}}'],
    ['within objects', '{"a":{"b":{"__proto__":{}}}}'],
    ['within arrays', '[[0,[{"__proto__":{}}]]]'],
    ['within both', '{"a":[{"b":[{"\\u005f_proto__":1}]}]}'],
    ['by the constructor', '{"constructor":{"prototype":{"admin":true}}}'],
    ['by the constructor, escaped', '{"\\u0063onstructor":{"prototyp\\u0065":1}}'],
    ['by the constructor, deep down', '[{"a":{"constructor":{"prototype":1}}}]'],
    ['after the same key without harm', '{"constructor":1,"constructor":{"prototype":1}}'],
  ])('%s', (_, json) => {
    expect(malformed(call(json))).toBe(pollution);
    expect(malformed(`{"op":"event","event":{"type":"A","value":${json}}}`, decodeServer)).toBe(pollution);
  });

  test.each([
    ['beside the action', '{"op":"pong","__proto__":{"op":"call"}}'],
    ['in place of op', '{"__proto__":{"op":"pong"}}'],
    ['as a stream', '{"op":"connect","version":1,"resume":{"session":"s","positions":{"__proto__":{}}}}'],
  ])('%s', (_, text) => {
    expect(malformed(text)).toBe(pollution);
  });

  test.each([
    ['as text', '"__proto__"'],
    ['as text with an escape', '"\\u005f_proto__ constructor prototype"'],
    ['a constructor that is none', '{"constructor":"architect","prototype":{}}'],
    ['a constructor that is an object', '{"constructor":{"name":"Ada"}}'],
    ['a constructor that is a list', '{"constructor":[{"prototype":1}]}'],
    ['a constructor that is null', '{"constructor":null}'],
    ['a name that has it as a part', '{"__proto__x":1}'],
  ])('%s does no harm', (_, json) => {
    expect(malformed(call(json))).toBeUndefined();
  });

  test('names of Object.prototype are no ops', () => {
    for (const op of ['toString', 'constructor', '__proto__', 'hasOwnProperty', 'valueOf']) {
      expect(malformed(JSON.stringify({ op }))).toBe('unknown op');
      expect(() => decodeClient(JSON.stringify({ op, mid: 1 }))).toThrow(RequestRefused);
    }
  });

  test('nothing is polluted', () => {
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });
});

describe('a message', () => {
  test.each([
    ['undefined', undefined],
    ['null', null],
    ['a list', []],
    ['a string', 'A'],
    ['a function', () => {}],
    ['what makes nothing of itself', { toJSON: () => undefined }],
    ['what makes a string of itself', new Date(0)],
  ])('%s is no action', (_, action) => {
    expect(() => encodeBody({ action })).toThrow(TypeError);
  });

  test('an action may make another object of itself', () => {
    const action = { toJSON: () => ({ type: 'A' }) };
    expect(message(1, encodeBody({ action }))).toBe('{"op":"message","offset":1,"action":{"type":"A"}}');
  });

  test('the fields of a body may come in any order', () => {
    const from = { userId: '44', clientId: 'c' };
    expect(encodeBody({ from, action: { type: 'A' } })).toBe(encodeBody({ action: { type: 'A' }, from }));
  });
});

describe('properties', () => {
  const json = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' });
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are not allowed in names
    return text.length <= 255 && !/[\u0000-\u001f\u007f]/.test(text);
  });
  const harmless = (value: unknown) => !/__proto__|constructor/.test(JSON.stringify(value));
  const action = fc
    .tuple(name, fc.dictionary(fc.string(), json))
    .map(([type, fields]) => ({ ...fields, type }))
    .filter(harmless);
  const mid = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  const count = fc.nat(Number.MAX_SAFE_INTEGER);
  const position = fc.record({ epoch: name, offset: count });
  const optional = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
    fc.record(model, { requiredKeys: [] });
  const both = <A extends object, B extends object>(required: fc.Arbitrary<A>, more: fc.Arbitrary<B>) =>
    fc.tuple(required, more).map(([first, second]) => ({ ...first, ...second }));
  const settled = optional({ settled: count });
  const request = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
    both(fc.record({ mid, ...model }), settled);
  const events = fc.array(name, { minLength: 1, maxLength: 8 });
  const positions = fc.dictionary(
    name.filter((stream) => stream !== '__proto__'),
    position,
    { maxKeys: 4 },
  );
  const resume = both(fc.record({ session: name, positions }), optional({ mid: count })).filter(harmless);

  const clientFrames = fc.oneof(
    both(
      fc.record({ op: fc.constant('connect'), version: fc.constant(1) }),
      optional({ userId: name, token: fc.string(), device: name, resume }),
    ),
    request({ op: fc.constantFrom('call', 'broadcast'), action }),
    request({ op: fc.constant('send'), action, to: fc.uniqueArray(name, { minLength: 1, maxLength: 8 }) }),
    request({ op: fc.constantFrom('subscribe', 'unsubscribe'), events }),
    request({ op: fc.constant('refresh'), token: fc.string() }),
    fc.record({ op: fc.constant('activity'), state: fc.constantFrom('active', 'idle') }),
    both(fc.record({ op: fc.constant('pong') }), settled),
  ) as unknown as fc.Arbitrary<ClientFrame>;

  /** JSON has one zero, and so has a frame that has been through it. */
  const throughJson = <T>(value: T) => JSON.parse(JSON.stringify(value)) as T;

  test('a frame of a client arrives as it was sent', () => {
    fc.assert(
      fc.property(clientFrames, (frame) => {
        expect(decodeClient(encode(frame))).toEqual(throughJson(frame));
      }),
      { numRuns: 500 },
    );
  });

  test('what it does not know is dropped', () => {
    const unknown = fc.dictionary(name, json).filter(harmless);
    fc.assert(
      fc.property(clientFrames, unknown, (frame, more) => {
        const known = [
          'op',
          'mid',
          'settled',
          'version',
          'userId',
          'token',
          'device',
          'resume',
          'action',
          'to',
        ];
        for (const field of [...known, 'events', 'state']) delete more[field];
        expect(decodeClient(JSON.stringify({ ...more, ...frame }))).toEqual(throughJson(frame));
      }),
    );
  });

  test('a message is the same, made in parts or at once', () => {
    const from = fc.option(fc.record({ userId: name, clientId: name }), { nil: undefined });
    fc.assert(
      fc.property(count, action, from, (offset, sent, sender) => {
        const body = sender === undefined ? { action: sent } : { action: sent, from: sender };
        expect(message(offset, encodeBody(body))).toBe(JSON.stringify({ op: 'message', offset, ...body }));
      }),
    );
  });

  const onlyAsDocumented = (decode: () => unknown) => {
    try {
      decode();
    } catch (error) {
      if (error instanceof RequestRefused)
        expect(Number.isSafeInteger(error.mid) && error.mid > 0).toBe(true);
      else expect(error).toMatchObject({ name: 'Disconnect', code: disconnects.MALFORMED_FRAME });
    }
  };

  test('no text makes it throw anything else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => onlyAsDocumented(() => decodeClient(text))),
    );
    const punctuation = fc.string({ unit: fc.constantFrom(...'{}[]":,\\u05f_proto 0-eE.'), maxLength: 400 });
    fc.assert(fc.property(punctuation, (text) => onlyAsDocumented(() => decodeClient(text))));
  });

  test('no JSON makes it throw anything else', () => {
    fc.assert(fc.property(fc.json(), (text) => onlyAsDocumented(() => decodeClient(text))));
  });

  test('no frame with a wrong field makes it throw anything else', () => {
    const field = fc.constantFrom(
      'op',
      'mid',
      'settled',
      'action',
      'to',
      'events',
      'token',
      'resume',
      'version',
    );
    fc.assert(
      fc.property(clientFrames, field, json, (frame, wrong, value) => {
        onlyAsDocumented(() => decodeClient(JSON.stringify({ ...frame, [wrong]: value })));
      }),
      { numRuns: 500 },
    );
  });

  test('a frame of a server arrives as it was sent', () => {
    const frames = fc.oneof(
      both(fc.record({ op: fc.constant('reply'), mid }), optional({ result: json, offset: count })),
      fc.record({ op: fc.constant('event'), event: action }),
      fc.record({ op: fc.constant('message'), offset: count, action }),
    );
    fc.assert(
      fc.property(frames.filter(harmless), (frame) => {
        expect(decodeServer(encode(frame as unknown as ServerFrame))).toEqual(throughJson(frame));
      }),
    );
  });
});

describe('assertReadable', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  test.each([
    '{"op":"call","mid":1,"action":{"type":"A"}}',
    nested(64),
    '{"text":"__proto__ and constructor and \\u005f, said only"}',
  ])('passes %s', (text) => {
    expect(() => assertReadable(text)).not.toThrow();
  });

  test.each([
    nested(65),
    '{"a":{"__proto__":1}}',
    '{"constructor":{"prototype":{}}}',
    '{"\\u005f_proto__":1}',
  ])('refuses %s, as whoever reads it will', (text) => {
    expect(() => assertReadable(text)).toThrow(Disconnect);
    expect(() => jsonCodec.decodeClient(text)).toThrow(Disconnect);
  });
});
