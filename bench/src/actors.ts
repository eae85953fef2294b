/**
 * What an actor costs, by the way in which it is made: `npm run bench:actors`. Decides how the server keeps the actors
 * of clients and users (docs/adr/0001). Each way runs in a process of its own, so that none inherits another's heap.
 */

import { fork } from 'node:child_process';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import {
  type AnyActor,
  createActor,
  fromTransition,
  initialTransition,
  type SnapshotFrom,
  setup,
  transition,
} from 'xstate';

const ACTORS = 20_000;
const WARM_UP = 4_000;

type Event = { type: 'AUTHENTICATED' } | { type: 'LOST' } | { type: 'RESUMED' } | { type: 'CLOSED' };

/** Shaped like the server's client machine. */
function clientMachine({ delayed }: { delayed: boolean }) {
  return setup({ types: { context: {} as { reason: null }, events: {} as Event } }).createMachine({
    context: { reason: null },
    initial: 'authenticating',
    states: {
      authenticating: { on: { AUTHENTICATED: 'online', CLOSED: 'gone' } },
      online: { on: { LOST: 'resumable', CLOSED: 'gone' } },
      resumable: {
        on: { RESUMED: 'online', CLOSED: 'gone' },
        ...(delayed && { after: { 600000: 'gone' } }),
      },
      gone: { type: 'final' },
    },
  });
}

const machine = clientMachine({ delayed: false });
const online = machine.resolveState({ value: 'online', context: { reason: null } });
const supervisor = createActor(fromTransition((state: null) => state, null)).start();
const below = { parent: supervisor } as object;

/** A way to keep an actor: how one is made that is online, and, where it is an actor, what it answers to. */
const ways: Record<string, (id: number) => unknown> = {
  'a system each, every transition': () => {
    const actor = createActor(machine).start();
    actor.send({ type: 'AUTHENTICATED' });
    return actor;
  },
  'a system each, from a snapshot': () => createActor(machine, { snapshot: online }).start(),
  'one system, every transition': (id) => {
    const actor = createActor(machine, { ...below, id: `client:${id}` }).start();
    actor.send({ type: 'AUTHENTICATED' });
    return actor;
  },
  'one system, from a snapshot': (id) =>
    createActor(machine, { ...below, id: `client:${id}`, snapshot: online }).start(),
  'no actor, pure transition()': () => {
    const [first] = initialTransition(machine);
    return transition(machine, first, { type: 'AUTHENTICATED' })[0];
  },
};

if (argv[2] === undefined) await all();
else if (argv[2] === 'timers') timers(argv[3] === 'delayed');
else measure(argv[2]);

async function all(): Promise<void> {
  console.log(`${'way'.padEnd(34)}  CPU µs to make  heap bytes  CPU µs per event`);
  for (const way of Object.keys(ways)) await run([way]);
  console.log('\nend of one of 5,000 actors that wait for their resume window, CPU µs');
  await run(['timers', 'delayed']);
  await run(['timers', 'outside']);
}

function run(args: readonly string[]): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), args, { execArgv: ['--expose-gc'] });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${args.join(' ')} failed`))));
  });
}

function measure(way: string): void {
  const make = ways[way] as (id: number) => unknown;
  for (let i = 0; i < WARM_UP; i++) end(make(i));
  global.gc?.();
  const heap = process.memoryUsage().heapUsed;
  const made: unknown[] = [];
  const creating = cpuMicros(() => {
    for (let i = 0; i < ACTORS; i++) made.push(make(WARM_UP + i));
  });
  global.gc?.();
  const bytes = (process.memoryUsage().heapUsed - heap) / ACTORS;
  const events = cpuMicros(() => {
    for (let i = 0; i < ACTORS; i++) made[i] = send(send(made[i], 'LOST'), 'RESUMED');
  });
  const cells = [creating / ACTORS, bytes, events / ACTORS / 2].map((value, i) =>
    value.toFixed(i === 1 ? 0 : 1).padStart(i === 0 ? 14 : i === 1 ? 10 : 16),
  );
  console.log(`${way.padEnd(34)}  ${cells.join('  ')}`);
}

/** XState looks through all delayed events of a system whenever one of its actors ends. */
function timers(delayed: boolean): void {
  const waiting = clientMachine({ delayed });
  const snapshot = waiting.resolveState({ value: 'online', context: { reason: null } });
  const actors = Array.from({ length: 5_000 }, (_, id) =>
    createActor(waiting, { ...below, id: `client:${id}`, snapshot }).start(),
  );
  for (const actor of actors) actor.send({ type: 'LOST' });
  const ended = actors.slice(0, 500);
  const cpu = cpuMicros(() => {
    for (const actor of ended) actor.send({ type: 'CLOSED' });
  });
  console.log(
    `${(delayed ? "by XState's `after`" : 'by a timer outside').padEnd(34)}  ${(cpu / ended.length).toFixed(1)}`,
  );
  process.exit();
}

function send(target: unknown, type: Event['type']): unknown {
  if (isActor(target)) {
    target.send({ type });
    return target;
  }
  return transition(machine, target as SnapshotFrom<typeof machine>, { type } as Event)[0];
}

function end(target: unknown): void {
  if (isActor(target)) target.send({ type: 'CLOSED' });
}

function isActor(target: unknown): target is AnyActor {
  return typeof target === 'object' && target !== null && 'send' in target;
}

function cpuMicros(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
