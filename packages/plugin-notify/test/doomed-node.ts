import { createHarness, LiveClock, turn } from '@callboard/testkit';
import { notify } from '../src/notify.ts';
import type { NotifyStore } from '../src/store.ts';
import { storeAt } from './stores.ts';

/** A node in a process of its own, that is killed at a step of a delivery: node doomed-node.ts kind where now step. */
const [kind = '', where = '', now = '', step = ''] = process.argv.slice(2);
const [what, nth, when] = step.split(' ');

// Its steps may never come: it is not to go on without whoever waits for them.
process.on('disconnect', () => process.exit(1));

const calls = new Map<string, number>();
async function atStep<T>(name: string, work: () => T): Promise<Awaited<T>> {
  const count = (calls.get(name) ?? 0) + 1;
  calls.set(name, count);
  const here = name === what && count === Number(nth);
  if (here && when === 'before') process.kill(process.pid, 'SIGKILL');
  const result = await work();
  if (here && when === 'after') process.kill(process.pid, 'SIGKILL');
  return result;
}

const store = new Proxy(storeAt(kind, where), {
  get:
    (target, method: keyof NotifyStore) =>
    (...args: never[]) =>
      atStep(method, () => (target[method] as (...args: never[]) => unknown)(...args)),
});

const clock = new LiveClock(Number(now));
await createHarness({
  clock,
  plugins: [
    notify({
      store,
      audiences: { pages },
      ways: [{ name: 'test', tell: () => atStep('tell', () => {}) }],
    }),
  ],
});
// It is due now, and no time has to pass: a slow machine must not make its lease longer.
for (;;) await turn();

/** Six people on three pages. */
function pages({ after = '0' }: { readonly after?: string | undefined }) {
  const page = Number(after);
  return { users: [`${2 * page + 1}`, `${2 * page + 2}`], next: page < 2 ? `${page + 1}` : undefined };
}
