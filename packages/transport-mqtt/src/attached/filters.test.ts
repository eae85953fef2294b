import { expect, test } from '@jest/globals';
import { Filters } from './filters.ts';
import { type MqttBrokerOptions, settingsOf } from './options.ts';

const filters = (options: Partial<MqttBrokerOptions>, patterns: readonly string[] = []) =>
  new Filters(settingsOf({ broker: 'mqtt://x', ...options }), patterns);
const topics = (of: Filters) => of.plan(false).atFirst.map(({ topic }) => topic);

test('are those of the channel policies, without what others cover', () => {
  expect(topics(filters({}, ['tele/#', 'tele/+/LWT', 'a', 'cmnd/+']))).toEqual(['tele/#', 'a', 'cmnd/+']);
  expect(topics(filters({}, ['#', '+/#']))).toEqual(['#']);
  expect(topics(filters({}, []))).toEqual([]);
});

test('have availability topics with them, apart where no other brings them', () => {
  const availability = [{ topic: 'tele/+/LWT' }, { topic: '+/status' }];
  expect(topics(filters({ availability }, ['tele/#']))).toEqual(['tele/#', '+/status']);
  const of = filters({ availability, topics: [{ filter: 'tele/#', direction: 'out' }] });
  expect(topics(of)).toEqual(['tele/+/LWT', '+/status']);
  expect([of.take('tele/a/LWT', false, undefined), of.takesOut('tele/a/LWT')]).toEqual([false, true]);
});

test('of a group are shared, but for what every node has to know', () => {
  const of = filters({ group: 'g', topics: ['a', 'b/#'], availability: [{ topic: 'b/+/LWT' }] });
  const { atFirst, later, left } = of.plan(true);
  expect(atFirst.map(({ topic, noLocal, kept }) => [topic, noLocal, kept])).toEqual([
    // No local would be a protocol error [MQTT-3.8.3-4].
    ['$share/g/a', false, 'not'],
    ['$share/g/b/#', false, 'not'],
    ['b/+/LWT', true, 'too'],
    ['a', true, 'alone'],
    ['b/#', true, 'alone'],
  ]);
  expect([later, left]).toEqual([[], ['a', 'b/#']]);
  const [, shared, lwt, , kept] = atFirst.map(({ id }) => id) as number[];
  // One of the group has it; the others, for the sake of availability, do not tell it.
  expect(of.take('b/x/LWT', false, [lwt as number])).toBe(false);
  expect(of.take('b/x/LWT', false, [shared as number, lwt as number])).toBe(true);
  expect([true, false].map((flag) => of.take('b/x', flag, [kept as number]))).toEqual([true, false]);
  expect([kept, shared, lwt].map((id) => of.isKept([id as number]))).toEqual([true, false, false]);
});

test('are asked for twice where the broker says by which of them a message comes: at first with what it keeps', () => {
  const of = filters({ topics: ['a'] });
  const { atFirst, later } = of.plan(true);
  expect([atFirst, later].map(([asked]) => [asked?.topic, asked?.kept])).toEqual([
    ['a', 'too'],
    ['a', 'not'],
  ]);
  const [before, after] = [atFirst, later].map(([asked]) => asked?.id as number) as [number, number];
  expect([before, after].map((id) => of.take('a', false, [id]))).toEqual([true, true]);
  expect([before, after].map((id) => of.isKept([id]))).toEqual([true, false]);
  const known = of.plan(false);
  expect([known.atFirst.map(({ kept }) => kept), known.later]).toEqual([['too'], []]);
});
