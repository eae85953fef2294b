import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { deeds, noTally, World } from '../test/model/world.ts';

/**
 * Anything may happen to several clients of several users, in any order: whatever is meant for a client it sees once
 * and in order, or it is told of the gap; whatever it asks for is done at most once; and when everybody has gone the
 * server holds nothing. A failure prints its seed and the shrunk script; `MODEL_SEED=<seed>` runs it again.
 */
const seed = Number(process.env.MODEL_SEED ?? 20_261_120);
const numRuns = Number(process.env.MODEL_RUNS ?? 100);
const command = fc.record({ deed: fc.constantFrom(...deeds), pick: fc.nat(30), luck: fc.nat(30) });
const script = fc.array(command, { maxLength: 150, size: 'max' });

describe.each(['at once', 'later'] as const)('a server with a log that answers %s', (answers) => {
  const tally = noTally();

  test('keeps its promises to everybody, and nothing else', async () => {
    const property = fc.asyncProperty(script, async (commands) => {
      const world = await World.begin(answers, tally);
      await world.run(commands);
      await world.end();
    });
    await fc.assert(property, { numRuns, seed });
  }, 110_000);

  test('was tried in all ways', () => {
    for (const [what, count] of Object.entries(tally)) expect([what, count > 0]).toEqual([what, true]);
  });
});
