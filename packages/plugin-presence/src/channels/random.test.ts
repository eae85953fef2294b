import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Rooms } from '../../test/rooms-model.ts';

/**
 * People come to several channels, say something, leave, lose their connections, come back, close pages, lose rights and become
 * invisible, as chance has it; now and then the server is started anew. Whenever all is quiet each watcher knows exactly who is there, and
 * what it was told leads there step by step. `PRESENCE_SEED=<seed>` runs a seed again, `PRESENCE_DEEDS=<n>` longer.
 */
const seeds = process.env.PRESENCE_SEED ? [Number(process.env.PRESENCE_SEED)] : [1, 2, 3];
const deeds = Number(process.env.PRESENCE_DEEDS ?? 600);

// Watchers spread their questions.
beforeAll(() => void jest.spyOn(Math, 'random').mockReturnValue(0.4));
afterAll(() => void jest.restoreAllMocks());

test.each(seeds)(
  'whoever comes and goes, watchers agree with what is: seed %i',
  async (seed) => {
    const rooms = await Rooms.begin(randomOf(seed));
    for (let done = 0; done < deeds; done += 60) {
      await rooms.go(60);
      if (done % 240 === 180) await rooms.restart();
      // It has become full, and is to be emptier.
      if (done % 300 === 240) await rooms.empty(70);
      await rooms.settle();
      expect([done, ...rooms.faults()]).toEqual([done]);
    }
    const { listed, counted, crossings, hidings } = rooms.tally;
    expect(Math.min(listed, counted, crossings - 1, hidings - 10)).toBeGreaterThan(0);
    await rooms.end();
  },
  120_000,
);

test('thousands come, do as chance has it, and go', async () => {
  const rooms = await Rooms.begin(randomOf(4));
  await rooms.crowd(2_000);
  await rooms.go(300);
  await rooms.settle();
  expect([...rooms.faults()]).toEqual([]);
  await rooms.restart();
  await rooms.settle();
  expect([...rooms.faults()]).toEqual([]);
  await rooms.empty(1_900);
  await rooms.settle();
  expect([...rooms.faults()]).toEqual([]);
  await rooms.end();
}, 120_000);

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
