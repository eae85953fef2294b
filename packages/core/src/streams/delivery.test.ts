import { afterAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { deeds, Stats, World } from '../../test/delivery/world.ts';
import { Pace } from './pace.ts';

/**
 * The promise: each reader sees the exact sequence once, or is told of the gap; each request takes effect once, or
 * its outcome is declared unknown (docs/adr/0002). Scripts of arbitrary commands run against a server of a few lines
 * around the real `Feed` and `Outcomes`; what clients are told is held against what the log really held.
 *
 * A failure prints its seed and the shrunk script; `DELIVERY_SEED=<seed>` runs it again, `DELIVERY_RUNS=<n>` more.
 */
const seed = process.env.DELIVERY_SEED;
const RUNS = 4_000;
const runs = Number(process.env.DELIVERY_RUNS ?? RUNS);
const command = fc.record({ deed: fc.constantFrom(...deeds), pick: fc.nat(31), luck: fc.nat(15) });
const script = fc.array(command, { maxLength: 400, size: 'max' });

function keepsThePromise(prompt: boolean, stats: Stats): Promise<void> {
  const property = fc.asyncProperty(fc.integer({ min: 1, max: 4 }), script, async (clients, commands) => {
    const world = await World.begin(prompt, clients, stats);
    await world.run(commands);
    await world.end();
  });
  return fc.assert(property, { numRuns: runs / 2, ...(seed !== undefined && { seed: Number(seed) }) });
}

describe('the delivery promise', () => {
  const slow = new Stats();
  const prompt = new Stats();

  test('is kept over a log that delays, reorders, repeats, fails, evicts and forgets', async () => {
    await keepsThePromise(false, slow);
    const { overflows, ...all } = slow;
    for (const [what, count] of Object.entries(all)) expect([what, count > 0]).toEqual([what, true]);
  }, 120_000);

  test('is kept over a log that answers at once, where readers append, join and leave within a delivery', async () => {
    await keepsThePromise(true, prompt);
    expect(prompt.overflows).toBeGreaterThan(0);
  }, 120_000);

  test('is kept where all that comes in a turn waits for its end', async () => {
    const takes = jest.spyOn(Pace.prototype, 'takes').mockReturnValue(false);
    const entriesFor = jest.spyOn(Pace.prototype, 'entriesFor').mockReturnValue(3);
    const paced = new Stats();
    await keepsThePromise(true, paced);
    expect(paced.overflows).toBeGreaterThan(0);
    takes.mockRestore();
    entriesFor.mockRestore();
  }, 120_000);

  test('was tried by 10,000 clients that came back and were connected again', () => {
    expect(slow.resumed + prompt.resumed).toBeGreaterThanOrEqual((10_000 * runs) / RUNS);
  });

  afterAll(() => {
    if (process.env.DELIVERY_STATS) console.log({ slow, prompt });
  });
});
