import type { Client, Server } from '@callboard/core';
import { collectingLogger, SimulatedClock } from '@callboard/testkit';
import { expect, test } from '@jest/globals';
import type { Batch } from './contract.ts';
import { Roster } from './roster.ts';
import { Telling } from './telling.ts';

/** A log that takes its time, and may fail. */
function stage() {
  const clock = new SimulatedClock();
  const logger = collectingLogger();
  const told: string[] = [];
  const answers: { resolve(): void; reject(cause: unknown): void }[] = [];
  const publish = (_: string, { seq, set = [], gone = [] }: Batch) => {
    told.push([seq, ...set.map(([id]) => `+${id}`), ...gone.map((id) => `-${id}`)].join(' '));
    return new Promise<void>((resolve, reject) => answers.push({ resolve, reject }));
  };
  const settled: Roster[] = [];
  const server = { publish } as unknown as Server;
  const telling = new Telling({ server, clock, logger, batchMs: 100, settled: (each) => settled.push(each) });
  const roster = new Roster('room/1', {}, 4);
  roster.watchers.add('w');
  const enter = (id: string, metaBytes = 0) => {
    const membership = roster.add({ id, user: { id } } as Client);
    const changed = roster.change(membership, 'open', () => {
      membership.state = 'here';
      membership.metaBytes = metaBytes;
    });
    if (changed) telling.add(roster);
  };
  const pass = (ms: number) => clock.advanceAsync(ms);
  return { told, answers, enter, pass, logs: logger.logs, settled };
}

test('what changes while a batch is not stored is told after it', async () => {
  const { told, answers, enter, pass, settled } = stage();
  enter('a');
  await pass(1);
  enter('b');
  enter('c');
  await pass(1_000);
  expect([told, settled.length]).toEqual([['5 +a'], 0]);
  answers[0]?.resolve();
  await pass(100);
  expect(told).toEqual(['5 +a', '6 +b +c']);
  answers[1]?.resolve();
  await pass(1_000);
  expect([told.length, settled.length]).toEqual([2, 1]);
});

test('where a batch could not be stored another one shows that it is missing, once a second until one can', async () => {
  const { told, answers, enter, pass, logs } = stage();
  enter('a');
  await pass(1);
  answers[0]?.reject(new Error('the log is away'));
  await pass(1_001);
  expect(told).toEqual(['5 +a', '6']);
  answers[1]?.reject(new Error('the log is away'));
  await pass(1_001);
  answers[2]?.resolve();
  await pass(5_000);
  expect(told).toEqual(['5 +a', '6', '7']);
  expect(logs.map(({ message }) => message)).toEqual(['presence was not told', 'presence was not told']);
});

test('much is told in several batches, so that it fits into what a connection holds', async () => {
  const { told, answers, enter, pass } = stage();
  for (let i = 0; i < 5; i++) enter(`u${i}`, 50_000);
  await pass(1);
  for (let i = 0; i < 3; i++) {
    answers[i]?.resolve();
    await pass(100);
  }
  expect(told).toEqual(['5 +u0 +u1 +u2', '6 +u3 +u4']);
});
