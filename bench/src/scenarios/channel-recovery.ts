import type { Connection } from '../load/connection.ts';
import { createAction } from '../load/dialect.ts';
import { measureCpu } from '../load/measure.ts';
import { request, subscribe } from '../load/request.ts';
import { watchForStall } from '../load/stall.ts';
import { median, percentile } from '../report/statistics.ts';
import type { Bench, Scenario } from '../scenario.ts';

const clients = 1000;
const missed = 20;
const channel = 'history/news';

/**
 * All clients of a channel are cut off at once, miss 20 messages, and come back at once. CPU time is from the first that
 * comes back to the last that has all it missed; latency from opening a socket until then. Bare `ws` has nothing to compare.
 */
export const channelRecovery: Scenario = {
  name: 'channel-recovery',
  unit: 'client',
  figure: 'µs',
  connections: clients + 1,
  peers: ['socketio', 'callboard'],
  budgets: [{ atMost: 1, times: 'socketio' }],
  async run(bench) {
    const publisher = await bench.connect('publisher');
    const publish = async (count: number) => {
      for (let i = 0; i < count; i++)
        await request(bench, publisher, (mid) => bench.dialect.publish(mid, channel, createAction('BENCH')));
    };
    const readers = await Promise.all(
      Array.from({ length: clients }, (_, i) => ReturningReader.connect(bench, `u${i + 1}`)),
    );
    const waves: number[] = [];
    const latenciesMs: number[] = [];
    for (let wave = -1; wave < bench.times(10); wave++) {
      const up = Promise.all(readers.map((reader) => reader.has(1)));
      await publish(1);
      await up;
      for (const reader of readers) reader.drop();
      await publish(missed);
      const { figure } = await measureCpu(bench, async () => {
        let away = clients;
        const watch = watchForStall(() => `${away} clients are not back`);
        const took = await Promise.all(
          readers.map(async (reader) => {
            const ms = await reader.comeBack(missed);
            away--;
            watch.progress();
            return ms;
          }),
        );
        watch.stop();
        if (wave >= 0) latenciesMs.push(...took);
        return clients;
      });
      // The first wave warms up.
      if (wave >= 0) waves.push(figure);
    }
    return {
      figure: median(waves),
      p50Ms: percentile(latenciesMs, 50),
      p99Ms: percentile(latenciesMs, 99),
    };
  },
};

/** A subscriber that keeps what it is sent, to know where it was. */
class ReturningReader {
  readonly #bench: Bench;
  readonly #userId: string;
  readonly #texts: string[] = [];
  #connection: Connection;
  #missing = 0;
  #onAll: () => void = () => {};

  private constructor(bench: Bench, userId: string, connection: Connection) {
    this.#bench = bench;
    this.#userId = userId;
    this.#connection = connection;
  }

  static async connect(bench: Bench, userId: string): Promise<ReturningReader> {
    const connection = await bench.connect(userId);
    const reader = new ReturningReader(bench, userId, connection);
    reader.#texts.push(connection.welcome, await subscribe(bench, connection, [channel]));
    connection.onText = reader.#receive;
    return reader;
  }

  /** Resolves when that many more publications have come. */
  has(count: number): Promise<void> {
    this.#missing = count;
    return new Promise((resolve) => {
      this.#onAll = resolve;
    });
  }

  drop(): void {
    this.#connection.drop();
  }

  /** Resolves with how long it took until it had what it missed, in ms. */
  async comeBack(count: number): Promise<number> {
    const { dialect } = this.#bench;
    const all = this.has(count);
    const session = dialect.session(this.#texts);
    const startMs = performance.now();
    const connecting = this.#bench.connect(this.#userId, { session, onText: this.#receive });
    await all;
    const tookMs = performance.now() - startMs;
    this.#connection = await connecting;
    this.#texts.push(this.#connection.welcome);
    return tookMs;
  }

  readonly #receive = (bytes: Buffer, start: number, end: number): void => {
    const text = bytes.toString('utf8', start, end);
    if (!this.#bench.dialect.delivered(text)) throw new Error(`Not what was sent: ${text}`);
    this.#texts.push(text);
    if (--this.#missing === 0) this.#onAll();
    if (this.#missing < 0) throw new Error('More arrived than was missed');
  };
}
