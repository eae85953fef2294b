import { jsonCodec, LevelTrie } from '@callboard/protocol';
import { SimulatedClock } from '@callboard/testkit';
import { expect, test } from '@jest/globals';
import type { Link } from '../link.ts';
import { Feed } from '../streams/feed.ts';
import { MemoryStreamLog } from '../streams/memory-log.ts';
import { Pace } from '../streams/pace.ts';
import { Channel, type Publication } from './channel.ts';
import { Conflation } from './conflation.ts';
import { FilterReaders } from './filter-readers.ts';

/** What a connection is made to send: offsets, and gaps as [from, to]. */
function stage() {
  const clock = new SimulatedClock();
  const log = new MemoryStreamLog(clock, { maxEntries: 0, maxLength: 0, ttlMs: 0 });
  const parts = {
    clock,
    codec: jsonCodec,
    filters: new FilterReaders(),
    retaining: new LevelTrie<Channel>(),
  };
  const channel = new Channel('a', { overflow: 'latest' }, parts);
  channel.opened(Feed.open('a', log, clock, channel.itemOf, new Pace(clock)) as Feed<Publication>);
  const sent: unknown[] = [];
  const link = {
    congested: true,
    reliefs: 0,
    awaitRelief: () => void link.reliefs++,
    gap: ({ from, to }: { from: { offset: number }; to: { offset: number } }) =>
      void sent.push([from.offset, to.offset]),
    overflows: 0,
    overflowed: () => void link.overflows++,
    client: { reads: () => link.reads },
    reads: true,
    deliverNow: ({ offset }: Publication) => void sent.push(offset),
  };
  const conflation = new Conflation(link as unknown as Link, MAX_LENGTH);
  const take = (offset: number) => conflation.takes(channel.itemOf({ offset, body: '"data":1}' }, 'e'));
  return { link, sent, channel, conflation, take };
}
/** Of two publications. */
const MAX_LENGTH = 100;

test.each([
  [[5], [5]],
  [
    [5, 6],
    [[4, 5], 6],
  ],
  [
    [5, 6, 7],
    [[4, 6], 7],
  ],
  [
    [5, 9],
    [[4, 8], 9],
  ],
])('of %j it sends %j', (offsets, expected) => {
  const { link, sent, conflation, take } = stage();
  expect(offsets.map(take)).toEqual(offsets.map(() => true));
  expect([sent, link.reliefs]).toEqual([[], 1]);
  link.congested = false;
  conflation.release();
  expect(sent).toEqual(expected);
  expect(take(99)).toBe(false);
});

test('what follows while one waits waits too; what is not waited for goes at once', () => {
  const { link, sent, conflation, take } = stage();
  link.congested = false;
  expect(take(1)).toBe(false);
  link.congested = true;
  take(2);
  link.congested = false;
  expect(take(3)).toBe(true);
  conflation.flush('a');
  conflation.flush('a');
  expect(sent).toEqual([[1, 2], 3]);
});

test('it waits on while the connection takes no more, and forgets what is not read any more', () => {
  const { link, sent, conflation, take } = stage();
  take(1);
  conflation.release();
  expect([sent, link.reliefs]).toEqual([[], 2]);
  link.reads = false;
  link.congested = false;
  conflation.release();
  expect(sent).toEqual([]);
});

test('it forgets a channel that is left, unless the client reads that through a filter', () => {
  const { link, sent, channel, conflation, take } = stage();
  take(1);
  conflation.left(channel);
  link.reads = false;
  take(2);
  conflation.left(channel);
  link.reads = true;
  link.congested = false;
  expect(take(3)).toBe(false);
  conflation.release();
  expect(sent).toEqual([]);
});

test('only the latest of a channel counts for how much may wait', () => {
  const { link, conflation, take } = stage();
  for (let offset = 1; offset < 100; offset++) take(offset);
  link.congested = false;
  conflation.release();
  link.congested = true;
  for (let offset = 100; offset < 200; offset++) take(offset);
  expect(link.overflows).toBe(0);
});
