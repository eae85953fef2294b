import { describe, expect, test } from '@jest/globals';
import { Disconnect } from './errors.ts';
import {
  clientFrame,
  frameLimits,
  isAction,
  isChannel,
  isFilter,
  RequestRefused,
  userIdOf,
} from './validate.ts';

const longest = 'x'.repeat(frameLimits.maxNameLength);
const position = { epoch: 'e', offset: 0 };

const valid = {
  connect: { op: 'connect', version: 1 },
  call: { op: 'call', mid: 7, action: { type: 'A' } },
  broadcast: { op: 'broadcast', mid: 7, action: { type: 'A' } },
  send: { op: 'send', mid: 7, action: { type: 'A' }, to: ['44'] },
  publish: { op: 'publish', mid: 7, channel: 'a/b', data: 0, meta: {}, version: 0, key: 'k', exclude: true },
  subscribe: { op: 'subscribe', mid: 7, events: ['E'], channels: ['a', 'b/+'], positions: { a: position } },
  unsubscribe: { op: 'unsubscribe', mid: 7, events: ['E'], channels: ['a'] },
  history: { op: 'history', mid: 7, channel: 'a/b', before: position, limit: 5 },
  refresh: { op: 'refresh', mid: 7, token: 't' },
  activity: { op: 'activity', state: 'idle' },
  pong: { op: 'pong' },
};
type Op = keyof typeof valid;

/** What a frame comes to: the frame, the code that its request is refused with, or the reason for a close. */
function outcome(frame: unknown): unknown {
  try {
    return clientFrame(frame);
  } catch (error) {
    if (error instanceof RequestRefused) return `${error.error.code} ${error.mid}: ${error.message}`;
    if (error instanceof Disconnect) return `${error.code}: ${error.reason}`;
    throw error;
  }
}

describe('a frame that is well formed', () => {
  test.each(Object.entries(valid))('%s', (_, frame) => {
    expect(outcome(frame)).toEqual(frame);
    expect(outcome({ ...frame, unknown: 1, from: 'me', userid: 2 })).toEqual(frame);
  });

  test('does not carry another frame’s fields', () => {
    const all = Object.assign({}, ...Object.values(valid).reverse(), { settled: 3 });
    for (const frame of Object.values(valid)) {
      const taken = outcome({ ...all, ...frame }) as object;
      const allowed = [...Object.keys(frame), 'settled', 'userId', 'token', 'device', 'resume'];
      expect(allowed).toEqual(expect.arrayContaining(Object.keys(taken)));
    }
  });

  test.each(['call', 'broadcast', 'send', 'subscribe', 'unsubscribe', 'history', 'refresh', 'pong'] as const)(
    '%s may say what is settled',
    (op) => {
      for (const settled of [0, 1, Number.MAX_SAFE_INTEGER]) {
        const frame = { ...valid[op], settled };
        expect(outcome(frame)).toEqual(frame);
      }
    },
  );

  test('an action is passed on as it is', () => {
    const action = { type: longest, op: 'x', mid: null, nested: [{ a: 1 }] };
    expect(outcome({ ...valid.call, action })).toEqual({ ...valid.call, action });
  });
});

/** Values that are wrong for each field, and what is said about it. */
const notAString = [null, 1, true, [], {}, ['t']];
const notAName = [
  null,
  1,
  true,
  {},
  [],
  '',
  `${longest}x`,
  'a\u0000',
  '\n',
  '\u007f',
  '\ud800',
  'a\udc00b',
  '\udc00\ud800',
];
const notACount = [null, -1, 1.5, '1', true, [], {}, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53];
const notAnAction = [undefined, null, 'A', 1, [], [{ type: 'A' }], {}, ...notAName.map((type) => ({ type }))];
const notEvents = [
  null,
  'E',
  {},
  [],
  Array(frameLimits.maxEvents + 1).fill('E'),
  ...notAName.map((name) => ['E', name]),
];
const notRecipients = [
  undefined,
  null,
  {},
  true,
  [],
  [[]],
  [['44']],
  ...['', `${longest}x`, 1.5, 2 ** 53, '\u0000', '\ud800', null, {}].map((id) => ['44', id]),
];
const wrong: readonly (readonly [Op, string, readonly unknown[], string])[] = [
  ...(['call', 'broadcast', 'send'] as const).map(
    (op) =>
      [op, 'action', notAnAction, 'action is not an object with a type of 1 to 255 characters'] as const,
  ),
  [
    'send',
    'to',
    notRecipients.filter((to) => !Array.isArray(to) || to.length > 0),
    'to holds something that is no user id',
  ],
  ['send', 'to', [[]], 'to is empty'],
  ...(['subscribe', 'unsubscribe'] as const).map(
    (op) => [op, 'events', notEvents, 'events is not a list of 1 to 256 event types'] as const,
  ),
  ['publish', 'data', [undefined], 'data is missing'],
  ['publish', 'exclude', [null, 1, 'true'], 'exclude is no boolean'],
  ['publish', 'channel', [undefined, null, 1, ['a']], 'a channel is a string'],
  ...(['subscribe', 'unsubscribe'] as const).flatMap((op) => [
    [
      op,
      'channels',
      [null, 'a', {}, [], Array(frameLimits.maxChannelsNamed + 1).fill('a')],
      'channels is not a list of 1 to 1024 channels',
    ] as const,
    [op, 'channels', [[1], ['a', null]], 'a channel is a string'] as const,
  ]),
  ['subscribe', 'positions', [null, 1, 's', []], 'positions is not an object'],
  ['subscribe', 'positions', [{ a: null }, { a: { offset: 1 } }], 'a position has no epoch'],
  [
    'refresh',
    'token',
    [undefined, ...notAString, 'x'.repeat(frameLimits.maxTokenLength + 1)],
    'token is no token',
  ],
  ...(['call', 'broadcast', 'send', 'publish', 'subscribe', 'unsubscribe', 'refresh', 'pong'] as const).map(
    (op) => [op, 'settled', notACount, 'settled is not a whole number'] as const,
  ),
  [
    'activity',
    'state',
    [undefined, null, 'away', '', 'ACTIVE', true, ['idle']],
    'state is neither active nor idle',
  ],
  ['connect', 'version', [undefined, ...notACount, 0], 'version is not a whole number above 0'],
  ['connect', 'token', [...notAString, 'x'.repeat(frameLimits.maxTokenLength + 1)], 'token is no token'],
  ['connect', 'device', notAName, 'device is not a short string'],
  ['connect', 'activity', [null, 'away', '', 'IDLE', true, ['idle']], 'activity is neither active nor idle'],
  ['connect', 'resume', [null, 'session', 1, true, []], 'resume is not an object'],
  [
    'connect',
    'resume',
    [undefined, ...notAName].map((session) => ({ session, positions: {} })),
    'resume.session is not a short string',
  ],
  [
    'connect',
    'resume',
    [null, 1, 's', []].map((positions) => ({ session: 's', positions })),
    'resume.positions is not an object',
  ],
  [
    'connect',
    'resume',
    notACount.map((mid) => ({ session: 's', positions: {}, mid })),
    'resume.mid is not a whole number',
  ],
  [
    'connect',
    'resume',
    [null, 7, [], {}, ...notAName.map((epoch) => ({ epoch, offset: 1 }))].map((at) => ({
      session: 's',
      positions: { $inbox: at },
    })),
    'a position has no epoch',
  ],
  [
    'connect',
    'resume',
    [undefined, ...notACount].map((offset) => ({
      session: 's',
      positions: { $inbox: { epoch: 'e', offset } },
    })),
    'a position has no offset',
  ],
  [
    'connect',
    'resume',
    [
      {
        session: 's',
        positions: Object.fromEntries(
          Array.from({ length: frameLimits.maxPositions + 1 }, (_, i) => [`s${i}`, position]),
        ),
      },
    ],
    'resume.positions has too many streams',
  ],
];

describe('a field that is wrong', () => {
  const cases = wrong.map(([op, field, values, reason]) => ({ op, field, values, reason }));
  test.each(cases)('$op.$field: $reason', ({ op, field, values, reason }) => {
    const isRequest = 'mid' in valid[op];
    for (const value of values) {
      const frame: Record<string, unknown> = { ...valid[op], [field]: value };
      const expected = isRequest ? `INVALID_REQUEST 7: ${reason}` : `3502: ${reason}`;
      expect({ value, outcome: outcome(frame) }).toEqual({ value, outcome: expected });
    }
  });

  test('what is no frame', () => {
    for (const value of [undefined, null, 1, 'call', true, [], [valid.pong]])
      expect(outcome(value)).toBe('3502: a frame is a JSON object');
    for (const op of [undefined, null, 1, {}, ['pong'], true])
      expect(outcome({ op, mid: 1 })).toBe('3502: op is missing');
  });

  test.each(['call', 'broadcast', 'send', 'subscribe', 'unsubscribe', 'refresh'] as const)(
    '%s without a mid cannot be answered',
    (op) => {
      for (const mid of [undefined, 0, ...notACount])
        expect(outcome({ ...valid[op], mid })).toBe('3502: mid is not a whole number above 0');
    },
  );

  test('an op that nobody knows', () => {
    for (const op of ['', 'CALL', 'call ', 'connected', 'toString', '__proto__']) {
      expect(outcome({ op, mid: 7 })).toMatch('UNKNOWN_OP 7: ');
      for (const mid of [undefined, 0, 1.5]) expect(outcome({ op, mid })).toBe('3502: unknown op');
    }
  });

  test('a mid makes no request of what is none', () => {
    for (const op of ['connect', 'activity', 'pong'] as const) {
      expect(outcome({ ...valid[op], mid: 7 })).toEqual(valid[op]);
      expect(outcome({ ...valid[op], mid: 'x' })).toEqual(valid[op]);
    }
    expect(outcome({ op: 'activity', mid: 7 })).toBe('3502: state is neither active nor idle');
    expect(outcome({ op: 'connect', mid: 7 })).toBe('3502: version is not a whole number above 0');
  });
});

describe('connect', () => {
  test('keeps what it knows', () => {
    const frame = {
      ...valid.connect,
      userId: '44',
      token: 'x'.repeat(frameLimits.maxTokenLength),
      device: longest,
      resume: { session: longest, positions: { $inbox: { ...position, offset: 2 ** 53 - 1 } }, mid: 0 },
    };
    expect(outcome({ ...frame, resume: { ...frame.resume, more: 1 } })).toEqual(frame);
  });

  test('has positions, even where none are given', () => {
    expect(outcome({ ...valid.connect, resume: { session: 's' } })).toEqual({
      ...valid.connect,
      resume: { session: 's', positions: {} },
    });
  });

  test('bears as many streams as it may', () => {
    const streams = Array.from({ length: frameLimits.maxPositions }, (_, i) => [`s${i}`, position]);
    const resume = { session: 's', positions: Object.fromEntries(streams) };
    expect(outcome({ ...valid.connect, resume })).toEqual({ ...valid.connect, resume });
  });

  test('takes a number for a user id, and leaves out what is none', () => {
    expect(outcome({ ...valid.connect, userId: 44 })).toEqual({ ...valid.connect, userId: '44' });
    for (const userId of [null, '', 1.5, {}, [], true, `${longest}x`, '\ud800', 'a\u0000b'])
      expect(outcome({ ...valid.connect, userId })).toEqual(valid.connect);
  });

  test('of another version is not looked into', () => {
    const later = {
      op: 'connect',
      version: 2,
      userId: { id: 44 },
      token: ['t'],
      device: 1,
      resume: 'a-session',
    };
    expect(outcome(later)).toEqual({ op: 'connect', version: 2 });
  });
});

describe('send', () => {
  test.each([
    ['one', '44', ['44']],
    ['a number', 44, ['44']],
    ['a list', ['44', '12'], ['44', '12']],
    ['numbers and their texts', [44, '44', 12, '12', 44], ['44', '12']],
    ['names that differ', ['44', '044', ' 44', '44.0'], ['44', '044', ' 44', '44.0']],
    ['an accent, composed or not', ['\u00e9', 'e\u0301'], ['\u00e9', 'e\u0301']],
  ])('to %s', (_, to, expected) => {
    expect(outcome({ ...valid.send, to })).toEqual({ ...valid.send, to: expected });
  });
});

test.each([
  [44, '44'],
  ['44', '44'],
  [0, '0'],
  [-0, '0'],
  [-7, '-7'],
  [1e3, '1000'],
  [Number.MAX_SAFE_INTEGER, '9007199254740991'],
  ['x', 'x'],
  [longest, longest],
  ['\ud83d\ude00', '\ud83d\ude00'],
  ['\u0080\u2028', '\u0080\u2028'],
])('the user id %j is %j', (value, expected) => {
  expect(userIdOf(value)).toBe(expected);
});

test.each([
  [''],
  [1.5],
  [2 ** 53],
  [-(2 ** 53)],
  [Number.NaN],
  [Number.POSITIVE_INFINITY],
  [null],
  [undefined],
  [true],
  [{}],
  [['44']],
  [44n],
  [`${longest}x`],
  ['a\tb'],
  ['\ud83d'],
  ['\ude00\ud83d'],
])('%p is no user id', (value) => {
  expect(userIdOf(value)).toBeUndefined();
});

describe('a channel', () => {
  const names = ['a', '/', 'a//b', 'product/42', 'a$', '€'.repeat(85), 'x'.repeat(255), '😀'.repeat(63)];
  const notNames = [
    ...[
      '$',
      '$inbox',
      '$inbox/44',
      '__proto__',
      'a+b',
      'a+',
      'a/#/b',
      '#/a',
      '$a/+',
      '€'.repeat(86),
      '/'.repeat(32),
      '😀'.repeat(64),
    ],
    ...notAName.filter((name) => typeof name === 'string'),
  ];

  test.each(names)('may be named %j', (name) => {
    expect(isChannel(name)).toBe(true);
    expect(outcome({ ...valid.publish, channel: name })).toEqual({ ...valid.publish, channel: name });
  });

  test.each(notNames)('cannot be named %j, and has a code of its own', (name) => {
    expect(isChannel(name)).toBe(false);
    // Nor again, nor behind one that is.
    expect([isChannel('a'), isChannel(name), isChannel(name)]).toEqual([true, false, false]);
    for (const frame of [
      { ...valid.publish, channel: name },
      { ...valid.subscribe, channels: ['a', name] },
      { ...valid.unsubscribe, channels: [name] },
    ])
      expect(outcome(frame)).toMatch('INVALID_CHANNEL 7: ');
  });

  test('is not named by a filter where one channel is meant', () => {
    for (const filter of ['+', 'a/+', '#', 'a/#', '+/a', `${'/'.repeat(31)}#`, `${'x'.repeat(253)}/#`]) {
      expect([isChannel(filter), isFilter(filter)]).toEqual([false, true]);
      expect(outcome({ ...valid.publish, channel: filter })).toMatch('INVALID_CHANNEL 7: ');
      expect(outcome({ ...valid.history, channel: filter })).toMatch('INVALID_CHANNEL 7: ');
      const frame = { ...valid.subscribe, channels: ['a', filter] };
      expect(outcome(frame)).toEqual(frame);
    }
    for (const name of [...names, ...notNames, `${'/'.repeat(32)}#`]) expect(isFilter(name)).toBe(false);
  });

  test('is named once in a list', () => {
    const taken = outcome({ ...valid.subscribe, channels: ['b', 'a', 'b'] });
    expect(taken).toMatchObject({ channels: ['b', 'a'] });
  });

  test('is subscribed to with events or without; one of both is there', () => {
    for (const op of ['subscribe', 'unsubscribe'] as const) {
      for (const named of [{ events: ['E'] }, { channels: ['a'] }])
        expect(outcome({ op, mid: 7, ...named })).toEqual({ op, mid: 7, ...named });
      expect(outcome({ op, mid: 7 })).toBe('INVALID_REQUEST 7: neither events nor channels are there');
    }
  });

  test('carries any JSON value', () => {
    for (const data of [null, false, 0, '', [], {}, [[1]], { a: null }])
      expect(outcome({ ...valid.publish, data })).toEqual({ ...valid.publish, data });
  });
});

test('bytes are base64, and nothing else is', () => {
  for (const b64 of ['', 'AA==', 'AAE=', 'AAEC', '+/+/'])
    expect(outcome({ ...valid.publish, data: { b64 } })).toEqual({ ...valid.publish, data: { b64 } });
  for (const b64 of ['A', 'AA', 'AA=', '=AAA', 'A A=', 'AA-_', 'AA==\n', 1, null])
    expect(outcome({ ...valid.publish, data: { b64 } })).toMatch('INVALID_REQUEST 7: data.b64');
  // Beside other keys it is a key like any other.
  for (const data of [{ b64: 1, type: 'A' }, [{ b64: 1 }], { a: { b64: 1 } }])
    expect(outcome({ ...valid.publish, data })).toEqual({ ...valid.publish, data });
});

test.each([
  ['publish', { meta: [] }],
  ['publish', { meta: null }],
  ['publish', { meta: 'm' }],
  ['publish', { version: -1 }],
  ['publish', { version: 1.5 }],
  ['publish', { version: '1' }],
  ['publish', { version: 2 ** 53 }],
  ['publish', { key: '' }],
  ['publish', { key: 1 }],
  ['publish', { key: 'x'.repeat(256) }],
  ['publish', { exclude: 1 }],
  ['history', { limit: 0 }],
  ['history', { limit: 257 }],
  ['history', { limit: '5' }],
  ['history', { before: 5 }],
  ['history', { before: { epoch: 'e' } }],
  ['history', { before: { epoch: 'e', offset: -1 } }],
  ['history', { channel: 5 }],
] as const)('%s with %j is refused', (op, fields) => {
  expect(outcome({ ...valid[op], ...fields })).toMatch('INVALID_REQUEST 7: ');
});

test('an action has a type', () => {
  expect(isAction({ type: 'A' })).toBe(true);
  for (const value of notAnAction) expect(isAction(value)).toBe(false);
});
