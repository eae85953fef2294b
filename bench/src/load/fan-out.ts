import { percentile } from '../report/statistics.ts';
import type { Bench, Measurement } from '../scenario.ts';
import type { Connection } from './connection.ts';
import { measureCpu } from './measure.ts';
import { watchForStall } from './stall.ts';

export interface FanOutOptions {
  readonly sender: Connection;
  /** All who get what the sender sends. */
  readonly readers: readonly Connection[];
  readonly tick: () => Tick;
}

export interface Tick {
  /** They leave in one write. */
  readonly requests: readonly string[];
  /** How many messages the readers get of them, all together. */
  readonly deliveries: number;
}

export interface FanOut {
  /** Sends `ticks` times, each time as soon as all readers have got everything and the sender its replies. */
  run(ticks: number): Promise<FanOutRun>;
}

export interface FanOutRun {
  readonly deliveries: number;
  /** From the sender's write until a reader has the message, of every fiftieth reader. */
  readonly latenciesMs: readonly number[];
}

const sampledReaders = 50;

/** One sender, many readers. Readers count frames; every fiftieth decodes them to see when they were sent. */
export function createFanOut({ dialect }: Bench, options: FanOutOptions): FanOut {
  const { sender, readers, tick: nextTick } = options;
  let awaited = 0;
  let latenciesMs: number[] = [];
  let onTickDone: () => void = () => {};

  function settle(): void {
    if (--awaited === 0) onTickDone();
    if (awaited < 0) throw new Error('More arrived than was sent');
  }

  for (const [index, reader] of readers.entries()) {
    reader.onText =
      index % sampledReaders !== 0
        ? settle
        : (bytes, start, end) => {
            const text = bytes.toString('utf8', start, end);
            const action = dialect.delivered(text);
            if (!action) throw new Error(`Not what was sent: ${text}`);
            latenciesMs.push(performance.now() - action.at);
            settle();
          };
  }
  sender.onText = (bytes, start, end) => {
    if (dialect.settled(bytes.toString('utf8', start, end)) !== undefined) settle();
  };

  return {
    run(ticks) {
      latenciesMs = [];
      let left = ticks;
      let deliveries = 0;
      return new Promise((resolve) => {
        const watch = watchForStall(
          () => `${left} of ${ticks} ticks left, ${awaited} frames of this one missing`,
        );
        onTickDone = () => {
          watch.progress();
          if (left > 0) return void setImmediate(tick);
          watch.stop();
          resolve({ deliveries, latenciesMs });
        };
        tick();

        function tick(): void {
          left--;
          const { requests, deliveries: awaitedNow } = nextTick();
          awaited = awaitedNow + requests.length;
          deliveries += awaitedNow;
          sender.write(...requests);
        }
      });
    },
  };
}

/** Runs the fan-out to warm up, then measured. */
export async function measureFanOut(
  bench: Bench,
  fanOut: FanOut,
  ticks: { readonly warmUp: number; readonly measured: number },
): Promise<Measurement> {
  await fanOut.run(bench.times(ticks.warmUp));
  let latenciesMs: readonly number[] = [];
  const { turns, ...cost } = await measureCpu(bench, async () => {
    const run = await fanOut.run(bench.times(ticks.measured));
    latenciesMs = run.latenciesMs;
    return run.deliveries;
  });
  const details: Record<string, number> = {};
  if (turns !== undefined) {
    details['loop held ms'] = turns.longestMs;
    details['p99 ms of a turn'] = turns.p99Ms;
  }
  return { ...cost, p50Ms: percentile(latenciesMs, 50), p99Ms: percentile(latenciesMs, 99), details };
}
