import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ChannelsModel, type Command, deeds } from '../test/channels-model.ts';

/**
 * Whatever an application, a server and a network do: who listens to a channel has each publication once, in order and
 * with its position, or a gap; who listens to a filter has none twice and none after a later one; and when all is quiet,
 * the server sends what is wanted, and everybody hears it. A failure prints its seed and the shrunk script.
 */
describe('channels and filters that overlap', () => {
  const tally: Record<string, number> = {};
  const command: fc.Arbitrary<Command> = fc.record({
    deed: fc.constantFrom(
      ...deeds,
      'want',
      'evict',
      'publish',
      'publish',
      'take',
      'take',
      'deliver',
      'deliver',
      'deliver',
    ),
    pick: fc.nat(11),
  });

  test('keep their promises', async () => {
    const property = fc.asyncProperty(fc.array(command, { maxLength: 80, size: 'max' }), async (commands) => {
      const model = new ChannelsModel(tally);
      await model.begin();
      for (const each of commands) await model.run(each);
      await model.end();
    });
    await fc.assert(property, { numRuns: 500, seed: 20_261_122 });
  }, 60_000);

  test.each([
    ...['at the end', 'heard', 'refused', 'answered again', 'evicted', 'another epoch', 'revoked'],
    ...['CHECK_TIMEOUT', 'FORBIDDEN', 'resume', 'forget', 'restart'],
  ])('were tried in all ways: %s', (what) => {
    expect(tally[what]).toBeGreaterThan(10);
  });
});
