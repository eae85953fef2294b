import { collectingLogger, SimulatedClock } from '@callboard/testkit';
import { expect, test } from '@jest/globals';
import { Feeds } from './feeds.ts';
import { MemoryStreamLog } from './memory-log.ts';
import { Pace } from './pace.ts';

test('a log that throws where a stream is released fails nobody who closes it', () => {
  const clock = new SimulatedClock();
  const log = new MemoryStreamLog(clock, { maxEntries: 1, maxLength: 1, ttlMs: 1 });
  const logger = collectingLogger();
  const feeds = new Feeds(log, clock, logger, new Pace(clock));
  const feed = feeds.open('a', () => 1);
  log.release = () => {
    throw new Error('the disk is full');
  };
  feeds.close('a', feed);
  expect(logger.logs).toMatchObject([{ level: 'warn', message: 'a stream was not released' }]);
});
