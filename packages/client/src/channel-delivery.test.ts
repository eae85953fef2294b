import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { deeds } from '../test/delivery/channels/deeds.ts';
import { World } from '../test/delivery/channels/world.ts';
import { Tally } from '../test/delivery/tally.ts';

/**
 * The promise for channels, end to end: each reader sees the exact sequence once, or is told of the gap; what was
 * published is there once; and after everybody has gone nothing is left but last values. Scripts of arbitrary commands
 * run against this library and the server that it is for; what the application is told is held against what the log
 * took.
 *
 * A failure prints its seed and the shrunk script; `DELIVERY_SEED=<seed>` runs it again, `CHANNEL_RUNS=<n>` more.
 */
const seed = Number(process.env.DELIVERY_SEED ?? 20_261_121);
const numRuns = Number(process.env.CHANNEL_RUNS ?? 1_000);
const command = fc.record({ deed: fc.constantFrom(...deeds), pick: fc.nat(23), luck: fc.nat(9_999) });
const script = fc.array(command, { maxLength: 80, size: 'max' });
const setting = fc.record({
  tabs: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 2 }),
  resend: fc.boolean(),
  maxChannels: fc.constantFrom(4, 100),
  maxOutcomes: fc.constantFrom(4, 1_000),
  seed: fc.nat(9_999),
});

describe('the delivery promise for channels, end to end', () => {
  const tally = new Tally();

  // The server spreads its clients' return.
  beforeAll(() => void jest.spyOn(Math, 'random').mockReturnValue(0.4));
  afterAll(() => {
    jest.restoreAllMocks();
    if (process.env.DELIVERY_STATS) console.log(tally.all);
  });

  test('is kept whatever happens to links, tabs, rights and the server', async () => {
    const property = fc.asyncProperty(setting, script, async (given, commands) => {
      const world = await World.begin(given, tally);
      await world.run(commands);
      await world.end();
    });
    await fc.assert(property, { numRuns, seed });
  }, 600_000);

  test('was tried in all ways', () => {
    expect(interesting.filter((what) => tally.of(what) === 0)).toEqual([]);
  });
});

const interesting = [
  ...[
    'resumed',
    'sessions lost',
    'restarts',
    'streams lost',
    'rests',
    'closed',
    'left',
    'frames that came late',
  ],
  ...['delivered', 'delivered late', 'filtered', 'retained', 'published', 'stale', 'repeated'],
  ...['evicted gaps', 'epoch gaps', 'size gaps', 'conflated gaps'],
  ...['rights taken', 'rights given', 'asked again', 'histories', 'older pages'],
  ...['refused FORBIDDEN', 'refused INTERNAL', 'refused TOO_MANY_CHANNELS'],
  ...['history FORBIDDEN', 'history CHECK_TIMEOUT', 'history INTERNAL', 'history CONNECTION_LOST'],
  ...['lost dropped by the application', 'lost nothing was heard', 'lost no answer in time', 'lost 1006'],
  ...['closed REPLACED', 'closed STALE', 'closed SLOW_READER', 'closed SERVER_SHUTDOWN'],
  ...['retry answered again', 'retry ran', 'retry began anew', 'retry OUTCOME_UNKNOWN'],
  ...['TIMEOUT', 'CONNECTION_LOST', 'NOT_CONNECTED', 'FORBIDDEN', 'RATE_LIMITED'].map(rejected),
  ...['CHECK_TIMEOUT', 'APPEND_FAILED', 'OUTCOME_UNKNOWN', 'UNAVAILABLE'].map(rejected),
];

function rejected(code: string): string {
  return `rejected ${code}`;
}
