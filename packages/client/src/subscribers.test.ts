import { collectingLogger } from '@callboard/testkit';
import { beforeEach, expect, test } from '@jest/globals';
import type { Delivery } from './api.ts';
import { Subscribers } from './subscribers.ts';

let logger: ReturnType<typeof collectingLogger>;
let subscribers: Subscribers;
/** The types that had subscribers whenever that changed. */
let changes: (readonly string[])[];
let seen: unknown[];

beforeEach(() => {
  logger = collectingLogger();
  changes = [];
  seen = [];
  subscribers = new Subscribers(logger, () => void changes.push(subscribers.types));
});

const delivery: Delivery = { kind: 'reply', action: { type: 'A' } };
const tell = (payload: unknown, type = 'A') => subscribers.tell(type, payload, delivery);
const push = (payload: unknown) => void seen.push(payload);

test('calls those of the type, in the order in which they came, with the delivery', () => {
  subscribers.add('A', (payload, how) => seen.push(['first', payload, how]));
  subscribers.add('B', () => seen.push('another type'));
  subscribers.add('A', (payload) => seen.push(['second', payload]));
  tell(1);
  tell(2, 'C');
  expect(seen).toEqual([
    ['first', 1, delivery],
    ['second', 1],
  ]);
});

test('says when a type’s first one comes and its last one leaves', () => {
  const first = subscribers.add('A', push);
  const second = subscribers.add('A', push);
  const other = subscribers.add('B', push);
  first();
  second();
  other();
  expect(changes).toEqual([['A'], ['A', 'B'], ['B'], []]);
});

test('counts the same callback twice where it subscribes twice', () => {
  const first = subscribers.add('A', push);
  subscribers.add('A', push);
  tell(1);
  first();
  first();
  tell(2);
  expect(seen).toEqual([1, 1, 2]);
  expect(changes).toEqual([['A']]);
});

test('an unsubscription that comes twice, or late, ends nobody else’s', () => {
  const first = subscribers.add('A', push);
  first();
  subscribers.add('A', push);
  first();
  tell(1);
  expect(seen).toEqual([1]);
  expect(changes).toEqual([['A'], [], ['A']]);
});

test('may be left from within, by the one who is called and for those who are yet to be', () => {
  const leave: (() => void)[] = [];
  leave.push(
    subscribers.add('A', (payload) => {
      seen.push(['first', payload]);
      for (const each of leave) each();
    }),
  );
  leave.push(subscribers.add('A', (payload) => seen.push(['second', payload])));
  tell(1);
  tell(2);
  expect(seen).toEqual([['first', 1]]);
  expect(subscribers.types).toEqual([]);
});

test('those who come during a delivery get the next one', () => {
  const end = subscribers.add('A', (payload) => {
    seen.push(['first', payload]);
    end();
    subscribers.add('A', (late) => seen.push(['late', late]));
  });
  tell(1);
  tell(2);
  expect(seen).toEqual([
    ['first', 1],
    ['late', 2],
  ]);
});

test('one that throws is reported, and harms nobody', () => {
  const broken = new Error('broken');
  subscribers.add('A', () => {
    throw broken;
  });
  subscribers.add('A', push);
  tell(1);
  tell(2);
  expect(seen).toEqual([1, 2]);
  expect(logger.logs.map(({ level, fields }) => [level, fields])).toEqual([
    ['error', { type: 'A', cause: broken }],
    ['error', { type: 'A', cause: broken }],
  ]);
});

test('one that rejects is reported as well', async () => {
  const broken = new Error('broken');
  subscribers.add('A', () => Promise.reject(broken));
  subscribers.add('A', push);
  tell(1);
  expect([seen, logger.logs]).toEqual([[1], []]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(logger.logs.map(({ level, fields }) => [level, fields])).toEqual([
    ['error', { type: 'A', cause: broken }],
  ]);
});

test('types are no keys of an object', () => {
  for (const type of ['__proto__', 'constructor', 'toString']) {
    tell(0, type);
    subscribers.add(type, push);
    tell(type, type);
  }
  expect(seen).toEqual(['__proto__', 'constructor', 'toString']);
});
