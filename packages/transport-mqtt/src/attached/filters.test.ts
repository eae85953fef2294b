import { expect, test } from '@jest/globals';
import { Filters } from './filters.ts';
import { type MqttBrokerOptions, settingsOf } from './options.ts';

const filters = (options: Partial<MqttBrokerOptions>, patterns: readonly string[] = []) =>
  new Filters(settingsOf({ broker: 'mqtt://x', ...options }), patterns);
const topics = (of: Filters) => of.asked.map(({ topic }) => topic);

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
  expect(of.asked.map(({ topic, noLocal, once }) => [topic, noLocal, once])).toEqual([
    // No local would be a protocol error [MQTT-3.8.3-4].
    ['$share/g/a', false, false],
    ['$share/g/b/#', false, false],
    ['b/+/LWT', true, false],
    ['a', true, true],
    ['b/#', true, true],
  ]);
  const [, shared, lwt, , retained] = of.asked.map(({ id }) => id) as number[];
  // One of the group has it; the others, for the sake of availability, do not tell it.
  expect(of.take('b/x/LWT', false, [lwt as number])).toBe(false);
  expect(of.take('b/x/LWT', false, [shared as number, lwt as number])).toBe(true);
  expect([true, false].map((flag) => of.take('b/x', flag, [retained as number]))).toEqual([true, false]);
});
