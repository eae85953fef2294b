import { expect, test } from '@jest/globals';
import { type Outgoing, OutgoingQueue } from './outgoing.ts';

const limits = { maxQueued: 3, maxQueuedBytes: 10, maxInFlight: 2, maxPacketBytes: 8, maxDevices: 1 };
const outgoing = (topic: string, qos: 0 | 1, bytes = 1, retain = false): Outgoing => ({
  topic,
  payload: new Uint8Array(bytes),
  qos,
  retain,
});

function topicsIn(queue: OutgoingQueue): string[] {
  const topics: string[] = [];
  for (let next = queue.next(); next !== undefined; next = queue.next()) {
    topics.push(next.topic);
    queue.done(next);
  }
  return topics;
}

test('drops what need not get there, the oldest first, and then the oldest', () => {
  const queue = new OutgoingQueue(limits);
  for (const [topic, qos] of [
    ['a', 1],
    ['b', 0],
    ['c', 0],
    ['d', 1],
  ] as const)
    queue.add(outgoing(topic, qos));
  expect([queue.dropped, queue.length]).toEqual([1, 3]);
  queue.add(outgoing('e', 1));
  queue.add(outgoing('f', 1));
  expect(queue.dropped).toBe(3);
  expect(topicsIn(queue)).toEqual(['d', 'e', 'f']);
});

test('counts bytes, too, and takes nothing that is too long for it', () => {
  const queue = new OutgoingQueue(limits);
  queue.add(outgoing('a', 1, 6));
  queue.add(outgoing('b', 1, 6));
  expect([queue.dropped, queue.bytes]).toEqual([1, 6]);
  queue.add(outgoing('c', 1, 9));
  expect([queue.dropped, queue.bytes]).toEqual([2, 6]);
  expect(topicsIn(queue)).toEqual(['b']);
  expect([queue.bytes, queue.length]).toEqual([0, 0]);
});

test('lets so many be on their way, and forgets with the connection those that need not get there', async () => {
  const queue = new OutgoingQueue(limits);
  for (const [topic, qos] of [
    ['a', 0],
    ['b', 1],
    ['c', 1],
  ] as const)
    queue.add(outgoing(topic, qos, 1, topic !== 'c'));
  const [a, b] = [queue.next(), queue.next()] as [Outgoing, Outgoing];
  expect([a.topic, b.topic, queue.next()]).toEqual(['a', 'b', undefined]);
  queue.lost();
  expect([queue.length, queue.retains('a'), queue.retains('b'), queue.retains('c')]).toEqual([
    2,
    false,
    true,
    false,
  ]);
  queue.putBack(b);
  let empty = false;
  queue.whenEmpty().then(() => {
    empty = true;
  });
  await Promise.resolve();
  expect(empty).toBe(false);
  expect(topicsIn(queue)).toEqual(['b', 'c']);
  await Promise.resolve();
  expect(empty).toBe(true);
});
