import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { send } from '../test/api.ts';
import { Stage, type Tab, type Watched } from '../test/stage.ts';

const paths = ['/users/1', '/users/2', '/public/a'] as const;
const which = fc.nat(2);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('edit'), path: which, versioned: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('watch'), tab: fc.nat(1), path: which, token: fc.nat(2) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unwatch'), nth: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lose'), tab: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('return'), tab: fc.nat(1) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('api'),
      is: fc.constantFrom('well', 'slow', 'broken', 'busy', 'gone'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('serve', 'revoke', 'revoke') }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('pass'),
      ms: fc.constantFrom(1, 10, 24, 30, 500, 3_000, 20_000, 65_000),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
/** Of whatever step it is. */
interface Fields extends Record<'path' | 'tab' | 'token' | 'nth' | 'ms', number> {
  readonly do: Step['do'];
  readonly is: string;
  readonly versioned: boolean;
}

/** Whatever happens to the connections, the server and the API: each watch ends with what is so, and never goes back. */
async function play(steps: readonly Step[], etags: boolean): Promise<void> {
  const stage = await Stage.open({ timeoutMs: 4_000 });
  const tabs: Tab[] = [];
  const watches: { path: number; first: boolean; watched: Watched }[] = [];
  const { api } = stage;
  let edits = 0;
  let condition = 'well';
  /** Tokens of those before are not taken. */
  let generation = 0;
  for (const path of paths) api.pages.set(path, 0);
  api.answer = ({ path, headers, token = '' }, response) => {
    const body = api.pages.get(path);
    const etag = `"${body}"`;
    const reply = () => {
      if (etags && headers['if-none-match'] === etag) send(response, 304, undefined);
      else send(response, 200, body, etags ? { etag } : {});
    };
    if (condition === 'broken') return response.destroy();
    if (condition === 'busy') return send(response, 503, {}, { 'retry-after': '2' });
    if (condition === 'gone') return api.hold(response);
    if (Number(token.slice(2)) < generation) return send(response, 401, {});
    if (condition === 'well') return reply();
    // It says what was so when it was asked.
    api.hold(response);
    return stage.clock.setTimeout(() => response.destroyed || reply(), 50 + ((edits * 37) % 900));
  };
  for (const user of ['bob', 'alice']) tabs.push(await stage.tab(user));
  const back = (tab: number) => {
    (tabs[tab] as Tab).online = true;
  };
  for (const each of steps) {
    const given = each as unknown as Fields;
    switch (given.do) {
      case 'edit': {
        const path = paths[given.path] as string;
        api.pages.set(path, ++edits);
        stage.refetch.bump(path, given.versioned ? { version: edits } : {});
        break;
      }
      case 'watch': {
        const { tab, path } = given;
        const options = { token: () => `${given.token}.${generation}`, first: edits % 3 > 0 };
        const watched = await (tabs[tab] as Tab).watch(paths[path] as string, options);
        watches.push({ path, first: options.first, watched });
        break;
      }
      case 'unwatch':
        watches.splice(given.nth, 1)[0]?.watched.watch.unwatch();
        break;
      case 'lose': {
        const tab = tabs[given.tab] as Tab;
        tab.online = false;
        tab.client.drop();
        break;
      }
      case 'return':
        back(given.tab);
        break;
      case 'api':
        condition = given.is;
        break;
      case 'serve':
        await stage.finish(stage.node.server.disconnect({ graceMs: 0 }));
        await stage.serve({ timeoutMs: 4_000 });
        break;
      case 'revoke':
        generation++;
        break;
      case 'pass':
        await stage.pass(given.ms);
    }
  }
  condition = 'well';
  back(0);
  back(1);
  await stage.pass(200_000);
  const live = watches.filter(({ watched }) => watched.watch.state.state !== 'ended');
  // Who was refused twice, or too long away to bring another token, is told so.
  for (const { watched } of watches)
    if (generation > 0) expect(['live', 'UNAUTHORIZED']).toContain(watched.states.at(-1));
    else expect(watched.states.at(-1)).toBe('live');
  for (const { path, first, watched } of live) {
    const bodies = watched.pages.map(({ body }) => body as number);
    expect(bodies).toEqual([...new Set(bodies)].sort((a, b) => a - b));
    // Who did not want the first page may have had nothing to be told of.
    if (first || bodies.length > 0) expect(bodies.at(-1)).toBe(api.pages.get(paths[path] as string));
  }
  expect(stage.stats.watches).toBe(live.length);
  // Nothing is left to be done.
  const asked = api.asked.length;
  for (const path of paths) api.pages.set(path, ++edits);
  generation = 0;
  await stage.bump('/**');
  await stage.pass(100);
  for (const { path, watched } of live)
    expect(watched.pages.at(-1)?.body).toBe(api.pages.get(paths[path] as string));
  expect(api.asked.length - asked).toBe(stage.stats.credentials);
  await stage.end();
  expect(stage.node.errors).toEqual([]);
}

const numRuns = Number(process.env.CALLBOARD_RUNS ?? 25);

test(
  'whatever happens, each watch comes to what is so, in order, and each page once',
  async () => {
    const steps = fc.array(step, { minLength: 10, maxLength: 60, size: 'max' });
    const property = fc.asyncProperty(steps, fc.boolean(), play);
    await fc.assert(property, { numRuns, ...(process.env.SEED && { seed: Number(process.env.SEED) }) });
  },
  5_000 * numRuns,
);
