import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { Stage } from './stage.ts';
import type { Keeping } from './stores.ts';

const people = ['1', '2', '3', '4', '5', '6'];
const path = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** Each call of a delivery of three pages, before and after it took effect. */
const steps = [
  'claim 1 after',
  'enter 1 before',
  'enter 1 after',
  'tell 1 after',
  'settle 1 before',
  'settle 1 after',
  'enter 2 after',
  'settle 2 after',
  'enter 3 after',
  'tell 3 after',
  'settle 3 before',
  'settle 3 after',
];

/** A node is killed at a step of a delivery, as the operating system does it, and another one is there. */
export function crashTests(keeping: Keeping): void {
  describe(`3. SIGKILL, with ${keeping.name}`, () => {
    test.each(steps)('at %s: nobody is left out, nobody is told twice', async (step) => {
      const stage = await Stage.at(keeping);
      try {
        const scheduling = await stage.node({ audiences: { pages: () => ({ users: [] }) } });
        await scheduling.server.notify.schedule({
          key: 'k',
          in: 60_000,
          to: { audience: 'pages' },
          action: { type: 'A' },
        });
        await stage.stop(scheduling);
        const { kind = '', where = '' } = stage.place.address ?? {};
        const now = `${stage.clock.now() + 60_000}`;
        const execArgv = [
          '--conditions=@callboard/source',
          '--import',
          path('../../../scripts/typescript.mjs'),
        ];
        const stdio = ['ignore', 'ignore', 'pipe', 'ipc'] as never;
        const child = fork(path('doomed-node.ts'), [kind, where, now, step], { execArgv, stdio });
        let said = '';
        child.stderr?.on('data', (chunk) => {
          said += chunk;
        });
        expect([await once(child, 'exit'), said.replace(/.*Warning.*\n|.*trace-warnings.*\n/g, '')]).toEqual([
          [null, 'SIGKILL'],
          '',
        ]);
        await stage.pass(60_000);
        const told: string[] = [];
        const node = await stage.node({
          audiences: {
            pages: ({ after = '0' }) => ({
              users: people.slice(2 * Number(after), 2 * Number(after) + 2),
              next: after === '2' ? undefined : `${Number(after) + 1}`,
            }),
          },
          ways: [
            { name: 'test', tell: (tellings) => void told.push(...tellings.flatMap(({ users }) => users)) },
          ],
        });
        await stage.pass(30_000);
        const { notices } = (await node.server.notify.history('k')) ?? {};
        expect(notices).toMatchObject([{ state: 'told', people: { told: 6 } }]);
        for (const person of people) {
          const tab = await stage.tab(node, person);
          expect(tab.told).toMatchObject([{ key: 'k', alert: true }]);
        }
        expect(told).toEqual(step === 'settle 3 after' ? [] : people.slice(people.length - told.length));
      } finally {
        await stage.end();
      }
    });
  });
}
