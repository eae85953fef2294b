import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { ChannelWorld, deeds, noTally } from '../../test/model/channel-world.ts';
import { Pace } from '../streams/pace.ts';

/**
 * Anything may happen to the readers of channels, in any order: each sees the exact sequence once, or is told of the gap;
 * and when everybody has gone nothing is kept but last values. A failure prints its seed and the shrunk script;
 * `MODEL_SEED=<seed>` runs it again.
 */
const seed = Number(process.env.MODEL_SEED ?? 20_261_121);
const numRuns = Number(process.env.MODEL_RUNS ?? 500);
const command = fc.record({ deed: fc.constantFrom(...deeds), pick: fc.nat(30), luck: fc.nat(30) });
const script = fc.array(command, { maxLength: 150, size: 'max' });

describe.each([
  { answers: 'at once', paced: false },
  { answers: 'later', paced: false },
  { answers: 'at once', paced: true },
] as const)(
  'channels over a log that answers $answers, readers served at the end of the turn: $paced',
  ({ answers, paced }) => {
    const tally = noTally();

    beforeAll(() => {
      if (paced) jest.spyOn(Pace.prototype, 'takes').mockReturnValue(false);
    });
    afterAll(() => {
      jest.restoreAllMocks();
    });

    test('keep the promise to each reader, and nothing else', async () => {
      const property = fc.asyncProperty(script, async (commands) => {
        const world = await ChannelWorld.begin(answers, tally);
        await world.run(commands);
        await world.end();
      });
      await fc.assert(property, { numRuns, seed });
    }, 110_000);

    test('were tried in all ways', () => {
      for (const [what, count] of Object.entries(tally)) expect([what, count > 0]).toEqual([what, true]);
    });
  },
);
