import { percentile } from '../report/statistics.ts';
import type { Bench, Measurement } from '../scenario.ts';
import type { Connection } from './connection.ts';
import { measureCpu } from './measure.ts';

export interface FanOutOptions {
  readonly sender: Connection;
  /** All who get what the sender sends. */
  readonly readers: readonly Connection[];
  /** The requests of one tick, which leave in one write. */
  readonly requests: () => readonly string[];
  /** How many of them reach the readers, each of these once. */
  readonly messagesPerTick: number;
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
const stalledAfterMs = 15_000;

/** One sender, many readers. Readers count frames; every fiftieth decodes them to see when they were sent. */
export function createFanOut({ dialect }: Bench, options: FanOutOptions): FanOut {
  const { sender, readers, requests, messagesPerTick } = options;
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
          const texts = requests();
          awaited = messagesPerTick * readers.length + texts.length;
          deliveries += messagesPerTick * readers.length;
          sender.write(...texts);
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
  const cost = await measureCpu(bench, async () => {
    const run = await fanOut.run(bench.times(ticks.measured));
    latenciesMs = run.latenciesMs;
    return run.deliveries;
  });
  return { ...cost, p50Ms: percentile(latenciesMs, 50), p99Ms: percentile(latenciesMs, 99) };
}

/** Ends the run if there is no progress for a while, which no peer needs: something is lost. */
function watchForStall(describe: () => string): { progress(): void; stop(): void } {
  let moved = false;
  const timer = setInterval(() => {
    if (!moved) throw new Error(`Nothing arrives any more: ${describe()}`);
    moved = false;
  }, stalledAfterMs);
  return {
    progress: () => {
      moved = true;
    },
    stop: () => clearInterval(timer),
  };
}
