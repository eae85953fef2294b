import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '../load/connection.ts';
import type { Action } from '../load/dialect.ts';
import { measureCpu, settledRssBytes } from '../load/measure.ts';
import { request } from '../load/request.ts';
import type { Bench, Scenario } from '../scenario.ts';

const people = 10_000;
const watchers = 10;
const inOneRequest = 1_000;
const connections = 5_000;

/** Ten thousand people come as fast as they can and stay. */
function storm(name: string, isWatched: boolean): Scenario {
  return {
    name,
    unit: 'join',
    figure: 'µs',
    connections: people + watchers,
    peers: ['callboard'],
    budgets: [],
    async run(bench) {
      const ids = userIds('u', bench.times(people));
      const readers = isWatched ? await bench.connectAll(userIds('w', watchers)) : [];
      const told = readers.map(() => 0);
      for (const [i, reader] of readers.entries()) {
        await watch(bench, reader, ids);
        reader.onText = (bytes, start, end) => {
          told[i] = (told[i] ?? 0) + timesIn(bytes.subarray(start, end), '"status":"ONLINE"');
        };
      }
      let lastMs = 0;
      const cost = await measureCpu(bench, async () => {
        await bench.connectAll(ids);
        const connectedAt = performance.now();
        while (told.some((count) => count < ids.length)) await delay(5);
        lastMs = performance.now() - connectedAt;
        return ids.length;
      });
      return {
        ...cost,
        ...(isWatched && { details: { 'ms from the last join until all are told': lastMs } }),
      };
    },
  };
}

export const joins = storm('joins', false);
/** Ten others watch all of them. */
export const presenceJoins = storm('presence-joins', true);

/** As `memory`, with the plugin: what a user costs who is tracked; and one who is not there, and is watched. */
export const presenceMemory: Scenario = {
  name: 'presence-memory',
  unit: 'connection',
  figure: 'KB',
  connections: connections + watchers,
  peers: ['callboard'],
  budgets: [{ atMost: 1, detail: 'KB per user who is watched' }],
  async run(bench) {
    const early = await bench.connectAll(userIds('early', 50));
    await Promise.all(early.map((connection) => connection.close()));
    const count = bench.times(connections);
    const before = await settledRssBytes(bench);
    await bench.connectAll(userIds('u', count));
    const connected = await settledRssBytes(bench);
    const readers = await bench.connectAll(userIds('w', watchers));
    const perReader = bench.times(people);
    for (const [i, reader] of readers.entries()) await watch(bench, reader, userIds(`${i}-`, perReader));
    const watched = await settledRssBytes(bench);
    return {
      figure: (connected - before) / count / 1024,
      details: { 'KB per user who is watched': (watched - connected) / perReader / watchers / 1024 },
    };
  },
};

async function watch(bench: Bench, reader: Connection, ids: readonly string[]): Promise<void> {
  for (let i = 0; i < ids.length; i += inOneRequest) {
    const action = { type: 'PRESENCE_WATCH', add: ids.slice(i, i + inOneRequest) } as unknown as Action;
    await request(bench, reader, (mid) => bench.dialect.call(mid, action));
  }
}

function userIds(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);
}

function timesIn(bytes: Buffer, text: string): number {
  let count = 0;
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) count++;
  return count;
}
