import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { deeds } from '../test/delivery/deeds.ts';
import { Tally } from '../test/delivery/tally.ts';
import { World } from '../test/delivery/world.ts';

/**
 * The promise, end to end: each client sees what was sent to its user once and in order, or is told of the gap; each
 * send is settled once and in time, and took effect as its outcome says (docs/adr/0002). Scripts of arbitrary commands
 * run against this library and the server that it is for; what the application is told is held against what the
 * server took.
 *
 * A failure prints its seed and the shrunk script; `DELIVERY_SEED=<seed>` runs it again, `DELIVERY_RUNS=<n>` more.
 */
const seed = Number(process.env.DELIVERY_SEED ?? 20_261_121);
const numRuns = Number(process.env.DELIVERY_RUNS ?? 200);
const command = fc.record({ deed: fc.constantFrom(...deeds), pick: fc.nat(23), luck: fc.nat(9_999) });
const script = fc.array(command, { maxLength: 150, size: 'max' });
const setting = fc.record({
  tabs: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
  resend: fc.boolean(),
  maxFramesPerSecond: fc.constantFrom(8, 1_000),
  maxPendingRequests: fc.constantFrom(6, 1_000),
  maxOutcomes: fc.constantFrom(4, 1_000),
  seed: fc.nat(9_999),
});

describe('the delivery promise, end to end', () => {
  const tally = new Tally();

  // The server spreads its clients' return.
  beforeAll(() => void jest.spyOn(Math, 'random').mockReturnValue(0.4));
  afterAll(() => {
    jest.restoreAllMocks();
    if (process.env.DELIVERY_STATS) console.log(tally.all);
  });

  test('is kept whatever happens to links, tabs and the server', async () => {
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
  ...['resumed', 'replayed', 'sessions lost', 'session gaps', 'evicted gaps', 'epoch gaps', 'restarts'],
  ...['frames that came late', 'messages repeated', 'sent again'],
  ...['lost dropped by the application', 'lost nothing was heard', 'lost no answer in time', 'lost 1006'],
  ...['closed REPLACED', 'closed STALE', 'closed SLOW_READER', 'closed SERVER_SHUTDOWN'],
  ...['closed VERIFY_FAILED', 'closed HANDSHAKE_TIMEOUT'],
  ...['retry joined', 'retry answered again', 'retry ran', 'retry got a late answer', 'retry began anew'],
  ...['retry OUTCOME_UNKNOWN', 'retries of what is retried'],
  ...['TIMEOUT', 'CONNECTION_LOST', 'NOT_CONNECTED', 'QUEUE_FULL', 'FRAME_TOO_LARGE'].map(rejected),
  ...['HANDLER_ERROR', 'HANDLER_TIMEOUT', 'SOLD_OUT', 'BUSY', 'OUTCOME_UNKNOWN'].map(rejected),
  ...['CHECK_TIMEOUT', 'APPEND_FAILED', 'UNAVAILABLE', 'REFUSED', 'PLUGIN_ERROR'].map(rejected),
  ...['TOO_MANY_PENDING', 'RATE_LIMITED'].map(rejected),
];

function rejected(code: string): string {
  return `rejected ${code}`;
}
