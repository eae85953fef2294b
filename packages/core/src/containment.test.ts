import { createHarness, type Harness, type MemoryClient } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { map, type Observable } from 'rxjs';
import type { Server } from './api.ts';

const broken = new Error('broken by the application');
const fails = (): never => {
  throw broken;
};

/** What reached the process, and would have ended it. */
const uncaught: unknown[] = [];
const catching = (error: unknown) => void uncaught.push(error);

beforeEach(() => {
  uncaught.length = 0;
  process.on('uncaughtException', catching);
  process.on('unhandledRejection', catching);
});
afterEach(async () => {
  // RxJS and XState throw what nobody caught by timers of 0 ms, which run in order: all that were set are over then.
  await new Promise((resolve) => void setTimeout(resolve, 0));
  process.off('uncaughtException', catching);
  process.off('unhandledRejection', catching);
  expect(uncaught).toEqual([]);
});

const causes = ({ logs }: Harness) =>
  logs.filter(({ level }) => level === 'error').map(({ fields }) => fields.cause);

/** All that happens to a client, with somebody else there to see that life goes on. */
async function live(harness: Harness, tab: MemoryClient, other: MemoryClient): Promise<void> {
  await tab.expectReply(tab.call({ type: 'A' }));
  await tab.expectReply(tab.broadcast({ type: 'B' }));
  await harness.server.sendToUser(1, { type: 'C' });
  tab.cut();
  await tab.resume();
  for (const type of ['B', 'C']) await other.expectMessage({ type });
  await tab.expectReply(tab.call({ type: 'A' }));
  await (await harness.connect(2)).expectNothing();
}

describe('an observer that throws', () => {
  const sources: [string, (server: Server, tab: MemoryClient) => Observable<unknown>][] = [
    ['server.actions$', (server) => server.actions$],
    ['server.events$', (server) => server.events$],
    ['server.users$', (server) => server.users$],
    ['server.clients$', (server) => server.clients$],
    ['user.messages$', (server) => userOf(server).messages$],
    ['client.messages$', (server, tab) => clientOf(server, tab).messages$],
  ];

  describe.each(sources)('of %s', (_, source) => {
    test.each<[string, (observable: Observable<unknown>) => void]>([
      ['in next', (each) => void each.subscribe(fails)],
      ['as an object', (each) => void each.subscribe({ next: fails, error: fails, complete: fails })],
      ['in a pipe', (each) => void each.pipe(map(fails)).subscribe()],
      ['in a pipe, and again on the error', (each) => void each.pipe(map(fails)).subscribe({ error: fails })],
      ['at the end of a pipe', (each) => void each.pipe(map((value) => value)).subscribe(fails)],
      ['twice', (each) => [1, 2].forEach(() => void each.subscribe(fails))],
    ])('%s is unsubscribed and logged', async (_how, subscribe) => {
      const harness = await createHarness({ handlers: { A: () => 1 } });
      const [tab, other] = [await harness.connect(1), await harness.connect(1)];
      const seen: unknown[] = [];
      subscribe(source(harness.server, tab));
      source(harness.server, tab).subscribe((value) => seen.push(value));
      await live(harness, tab, other);
      expect(seen.length).toBeGreaterThan(0);
      expect([1, 2]).toContain(causes(harness).length);
      for (const cause of causes(harness)) expect(cause).toBe(broken);
    });
  });

  test.each(['server', 'user', 'client'] as const)(
    'of the actor of a %s is unsubscribed and logged',
    async (whose) => {
      const harness = await createHarness({ handlers: { A: () => 1 } });
      const [tab, other] = [await harness.connect(1), await harness.connect(1)];
      const { server } = harness;
      const { actor } = { server, user: userOf(server), client: clientOf(server, tab) }[whose];
      let calls = 0;
      actor.subscribe(() => {
        calls++;
        fails();
      });
      actor.subscribe({ next: fails, error: fails, complete: fails });
      await live(harness, tab, other);
      await harness.until(server.disconnect());
      expect(calls).toBe(1);
      expect(causes(harness).length).toBeGreaterThanOrEqual(2);
      for (const cause of causes(harness)) expect(cause).toBe(broken);
    },
  );
});

test('an inspector that throws is logged, and nothing else', async () => {
  const harness = await createHarness({ handlers: { A: () => 1 }, inspect: fails });
  const [tab, other] = [await harness.connect(1), await harness.connect(1)];
  await live(harness, tab, other);
  expect(causes(harness).length).toBeGreaterThan(0);
});

test('an observer that ends its own client, or the server, from within', async () => {
  const harness = await createHarness({ handlers: { A: () => 1 } });
  const { server } = harness;
  const [tab, other] = [await harness.connect(1), await harness.connect(1)];
  server.actions$.subscribe(({ client }) => client.disconnect());
  tab.call({ type: 'A' });
  await tab.expectClose('KICKED');
  expect(server.stats().clients.online).toBe(1);
  clientOf(server, other).messages$.subscribe(() => clientOf(server, other).disconnect(4000, 'enough'));
  await server.sendToUser(1, { type: 'B' });
  await other.expectClose(4000);
  expect(server.users.size).toBe(0);
  expect(causes(harness)).toEqual([]);
});

test('a client is ended with codes of the application’s own', async () => {
  const { server, connect } = await createHarness();
  for (const [code, comesBack] of [
    [4000, true],
    [4499, true],
    [4500, false],
    [4999, false],
  ] as const) {
    const tab = await connect(1);
    clientOf(server, tab).disconnect(code, 'enough');
    expect(await tab.expectClose(code)).toMatchObject({
      reason: 'enough',
      disconnect: { reconnect: comesBack },
    });
  }
  const tab = await connect(1);
  for (const code of [1000, 3000, 3999, 5000, 4000.5, Number.NaN])
    expect(() => clientOf(server, tab).disconnect(code)).toThrow(RangeError);
  expect(() => clientOf(server, tab).disconnect(4000, 'ä'.repeat(62))).toThrow(RangeError);
  await tab.expectNothing();
});

function userOf(server: Server) {
  const user = server.users.get('1');
  if (user === undefined) throw new Error('user 1 is not there');
  return user;
}

function clientOf(server: Server, { clientId }: MemoryClient) {
  const client = [...userOf(server).clients].find(({ id }) => id === clientId);
  if (client === undefined) throw new Error('the client is not there');
  return client;
}
