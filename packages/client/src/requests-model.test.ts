import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { deeds, RequestsModel } from '../test/requests-model.ts';

/**
 * Whatever an application, a server and a network do: every promise settles once and in its time, `settled` passes no
 * request that is open, no more runs than the server bears, mids grow, and a request is only ever repeated as it was, in
 * its own session. A failure prints its seed and the shrunk script.
 */
const command = fc.record({
  deed: fc.constantFrom(...deeds, 'send', 'connect', 'retry'),
  pick: fc.nat(20),
  luck: fc.nat(60),
});
const script = fc.array(command, { maxLength: 60, size: 'max' });

describe('requests', () => {
  const tally: Record<string, number> = {};

  test('keep their promises', async () => {
    const property = fc.asyncProperty(script, async (commands) => {
      const model = new RequestsModel(tally);
      await model.run(commands);
      await model.end();
    });
    await fc.assert(property, { numRuns: 300, seed: 20_261_121 });
  }, 60_000);

  test.each([
    'again',
    'full',
    'NOT_CONNECTED',
    'QUEUE_FULL',
    'FRAME_TOO_LARGE',
    'TIMEOUT',
    'CONNECTION_LOST',
    'HANDLER_TIMEOUT',
    'OUTCOME_UNKNOWN',
  ])('were tried in all ways: %s', (what) => {
    expect(tally[what]).toBeGreaterThan(0);
  });
});
