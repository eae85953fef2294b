import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '../load/connection.ts';
import type { Action } from '../load/dialect.ts';
import { measureCpu } from '../load/measure.ts';
import { connectReaders, request, subscribe, unsubscribe } from '../load/request.ts';
import type { Bench, Budget, Scenario } from '../scenario.ts';

const watchers = 1000;
const visitors = 100;
const changesPerSecond = 100;
const channel = 'show/1';
const stream = `presence/${channel}`;

/** 1,000 clients are in a channel and watch who is; a hundred more come and go, a hundred changes a second in all. */
function presenceScenario(name: string, budgets: readonly Budget[]): Scenario {
  return {
    name,
    unit: 'change',
    figure: 'µs',
    connections: watchers + visitors,
    peers: ['socketio', 'callboard'],
    budgets,
    async run(bench) {
      const readers = await connectReaders(bench, watchers, () => [channel]);
      const listBytes = await watch(bench, readers);
      const guests = await bench.connectAll(Array.from({ length: visitors }, (_, i) => `guest${i}`));
      // All come, and what connecting them left behind is collected.
      await comeAndGo(bench, guests, readers, visitors);
      await comeAndGo(bench, guests, readers, visitors);
      await bench.sample({ gc: true });
      const before = bytesOf(readers);
      let latenciesMs: readonly number[] = [];
      const cost = await measureCpu(bench, async () => {
        const changes = Math.ceil(bench.times(400) / (2 * visitors)) * 2 * visitors;
        latenciesMs = await comeAndGo(bench, guests, readers, changes);
        return changes;
      });
      const changes = latenciesMs.length;
      const sorted = [...latenciesMs].sort((a, b) => a - b);
      return {
        ...cost,
        p50Ms: sorted[Math.floor(changes / 2)] ?? 0,
        p99Ms: sorted[Math.floor(changes * 0.99)] ?? 0,
        details: {
          'bytes per change and watcher': (bytesOf(readers) - before) / changes / watchers,
          'KB of the list of 1,000': listBytes / 1024,
        },
      };
    },
  };
}

export const presenceChannel = presenceScenario('presence-channel', [{ atMost: 0.25, times: 'socketio' }]);
/** Callboard tells each change by itself, as the other does. */
export const presenceChannelEach = presenceScenario('presence-channel-each', [
  { atMost: 1, times: 'socketio' },
]);

/** Each subscribes to what is told of the members, and asks who is there: the bytes of one answer. */
async function watch(bench: Bench, readers: readonly Connection[]): Promise<number> {
  let bytes = 0;
  for (const reader of readers) {
    await subscribe(bench, reader, [stream]);
    const before = reader.bytes;
    let after: number | undefined;
    do {
      const action = { type: 'PRESENCE_MEMBERS', channel, after } as unknown as Action;
      const text = await request(bench, reader, (mid) => bench.dialect.call(mid, action));
      const next = /"next":(\d+)/.exec(text)?.[1];
      after = next === undefined ? undefined : Number(next);
    } while (after !== undefined);
    bytes = reader.bytes - before;
  }
  return bytes;
}

/**
 * So many changes at an even pace, by one guest after the other: those who are not there come, in the next round they go.
 * Resolves when the last watcher has heard of all, with how long each took to get to it.
 */
async function comeAndGo(
  bench: Bench,
  guests: readonly Connection[],
  readers: readonly Connection[],
  changes: number,
): Promise<number[]> {
  const begunMs: number[] = [];
  const latenciesMs: number[] = [];
  const last = readers.at(-1) as Connection;
  const heard = new Promise<void>((resolve) => {
    last.onText = (bytes, start, end) => {
      for (let told = changesIn(bytes.toString('utf8', start, end)); told > 0; told--)
        latenciesMs.push(performance.now() - (begunMs[latenciesMs.length] as number));
      if (latenciesMs.length >= changes) resolve();
    };
  });
  const startMs = performance.now();
  const done = guests.map(() => Promise.resolve(''));
  for (let i = 0; i < changes; i++) {
    const at = i % guests.length;
    const guest = guests[at] as Connection;
    const inMs = startMs + (i * 1000) / changesPerSecond - performance.now();
    if (inMs > 1) await delay(inMs);
    begunMs.push(performance.now());
    const change = there.has(guest) ? unsubscribe : subscribe;
    if (!there.delete(guest)) there.add(guest);
    // One request at a time, also where the server is slower than they come.
    done[at] = (done[at] as Promise<string>).then(() => change(bench, guest, [channel]));
  }
  await Promise.all(done);
  await heard;
  last.onText = () => {};
  return latenciesMs;
}
const there = new WeakSet<Connection>();

/** How many have come or gone, by what a watcher was told. */
function changesIn(text: string): number {
  if (text.startsWith('42[')) return /^42\["(joined|left)"/.test(text) ? 1 : 0;
  const { op, data } = JSON.parse(text);
  return op === 'publication' ? (data.set?.length ?? 0) + (data.gone?.length ?? 0) : 0;
}

function bytesOf(readers: readonly Connection[]): number {
  return readers.reduce((sum, { bytes }) => sum + bytes, 0);
}
