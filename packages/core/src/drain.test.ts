import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { deferred } from '../test/deferred.ts';

describe('disconnect()', () => {
  test('lets a running call finish, refuses new ones, then tells clients to come back', async () => {
    const answer = deferred<string>();
    const { server, connect, until, errors } = await createHarness({ handlers: { A: () => answer.promise } });
    const [tab, other] = [await connect(1), await connect(2)];
    await other.subscribe('SERVER_DRAINING');
    const running = tab.call({ type: 'A' });
    const stopped = server.disconnect();
    await other.expectEvent('SERVER_DRAINING');
    expect(server.stats().status).toBe('draining');
    expect(await tab.expectError(tab.call({ type: 'A' }), 'UNAVAILABLE')).toMatchObject({ retryable: true });
    expect(tab.closed).toBeUndefined();

    answer.resolve('just in time');
    expect(await tab.expectReply(running)).toBe('just in time');
    const { disconnect } = await tab.expectClose('SERVER_SHUTDOWN');
    expect(disconnect?.reconnect).toBe(true);
    expect(disconnect?.afterMs).toBeGreaterThanOrEqual(0);
    expect(disconnect?.afterMs).toBeLessThanOrEqual(1_000);
    await until(stopped);
    expect(errors).toEqual([]);
  });

  test('waits for calls no longer than graceMs', async () => {
    const { server, clock, connect, until } = await createHarness({
      handlers: { A: () => new Promise(() => {}) },
    });
    const tab = await connect(1);
    tab.call({ type: 'A' });
    const stopped = server.disconnect({ graceMs: 3_000 });
    await clock.advanceAsync(2_999);
    expect(tab.closed).toBeUndefined();
    await clock.advanceAsync(1);
    await tab.expectClose('SERVER_SHUTDOWN');
    await until(stopped);
  });

  test('is over at once where nothing is left to wait for', async () => {
    const { server, clock } = await createHarness();
    const before = clock.now();
    const stopped = server.disconnect();
    await clock.settle();
    await stopped;
    expect([clock.now(), clock.pendingTimers]).toEqual([before, 0]);
  });

  test('tells clients in batches, over spreadMs', async () => {
    const { server, clock, connect, until } = await createHarness();
    const clients = await Promise.all(Array.from({ length: 300 }, (_, i) => connect(i)));
    const gone = () => clients.filter(({ closed }) => closed?.code === 3000).length;
    const stopped = server.disconnect({ spreadMs: 3_000 });
    await clock.settle();
    expect(gone()).toBe(100);
    await clock.advanceAsync(999);
    expect(gone()).toBe(100);
    await clock.advanceAsync(1);
    expect(gone()).toBe(200);
    await clock.advanceAsync(1_000);
    expect(gone()).toBe(300);
    const delays = clients.map(({ frames }) => {
      const last = frames.at(-1);
      return last?.op === 'disconnect' ? (last.afterMs ?? -1) : -1;
    });
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...delays)).toBeLessThanOrEqual(3_000);
    expect(new Set(delays).size).toBeGreaterThan(100);
    await until(stopped);
  });

  test('does not wait for a client that does not read', async () => {
    const { server, connect, transport, until, clock } = await createHarness();
    const tab = await connect(1);
    tab.wire.freeze();
    const before = clock.now();
    await until(server.disconnect());
    expect(clock.now() - before).toBeLessThanOrEqual(2_100);
    expect([transport.connections, tab.closed?.code]).toEqual([0, 1006]);
  });

  test('ends all sessions, and the server may be started again', async () => {
    const { server, clock, connect, until } = await createHarness({ handlers: { A: () => 1 } });
    const [tab, lost] = [await connect(1), await connect(2)];
    lost.cut();
    expect(server.stats()).toMatchObject({ users: 2, clients: { online: 1, resumable: 1 } });
    await until(server.disconnect());
    await clock.advanceAsync(5_000);
    expect([server.users.size, clock.pendingTimers]).toEqual([0, 0]);
    expect(server.stats()).toMatchObject({
      status: 'stopped',
      uptimeMs: 0,
      users: 0,
      clients: { online: 0, resumable: 0, connecting: 0 },
    });

    await server.start();
    expect(server.stats().status).toBe('running');
    for (const client of [tab, lost]) {
      expect((await client.resume()).resumed).toBe(false);
      await client.expectGap({ reason: 'session' });
      await client.expectReply(client.call({ type: 'A' }));
    }
    await until(server.disconnect());
    expect(server.users.size).toBe(0);
  });

  test('may be asked for twice, and before a start', async () => {
    const { server, until } = await createHarness();
    await until(Promise.all([server.disconnect(), server.disconnect()]));
    await server.disconnect();
    expect(server.actor.getSnapshot().value).toBe('stopped');
    const [first, second] = await Promise.allSettled([server.start(), server.start()]);
    expect([first.status, second.status]).toEqual(['fulfilled', 'rejected']);
  });

  test('takes no new connections in while it drains', async () => {
    const { server, clock, connect, client, until } = await createHarness({
      handlers: { A: () => new Promise(() => {}) },
    });
    const tab = await connect(1);
    tab.call({ type: 'A' });
    const stopped = server.disconnect({ graceMs: 2_000 });
    await clock.settle();
    const late = client(2);
    await late.dial();
    await until(stopped);
    expect(late.closed?.code).toBe(3000);
    expect(server.users.size).toBe(0);
  });
});

describe('a server’s events and stats', () => {
  test('say what it does', async () => {
    const { server, clock, connect, until } = await createHarness({ handlers: { A: () => 1 } });
    const seen: string[] = [];
    server.events$.subscribe(({ type }) => seen.push(type));
    const [tab, other] = [await connect(1), await connect(1)];
    await tab.expectReply(tab.call({ type: 'A' }));
    await tab.expectError(tab.call({ type: 'B' }), 'NO_HANDLER');
    await tab.expectReply(tab.broadcast({ type: 'C' }));
    await other.expectMessage();
    tab.cut();
    await tab.resume();
    await clock.advanceAsync(1_000);
    expect(server.stats()).toMatchObject({
      status: 'running',
      uptimeMs: 1_000,
      users: 1,
      clients: { online: 2, resumable: 0, connecting: 0 },
      connections: { accepted: 3, resumed: 1 },
      frames: { received: 6, delivered: 1 },
      requests: { running: 0, replied: 2, failed: 1 },
      errors: { NO_HANDLER: 1 },
      disconnects: {},
      plugins: {},
      gateways: {},
    });
    expect(server.stats().frames.receivedBytes).toBeGreaterThan(100);
    expect(server.stats().memory.rssBytes).toBeGreaterThan(1_000_000);
    await until(server.disconnect());
    expect(seen.at(0)).toBe('USER_JOINED');
    expect(seen.filter((type) => type.startsWith('SERVER_'))).toEqual(['SERVER_DRAINING', 'SERVER_STOPPED']);
    expect(server.stats().disconnects).toEqual({ SERVER_SHUTDOWN: 2 });
    await server.start();
    expect(seen.at(-1)).toBe('SERVER_STARTED');
  });

  test('a start that fails throws, and may be tried again', async () => {
    let fails = true;
    const port = {
      name: 'port',
      start: () => {
        if (fails) throw new Error('in use');
      },
      stop: () => {},
    };
    const { createServer, silentLogger } = await import('./index.ts');
    const server = createServer({ transports: [port], logger: silentLogger });
    await expect(server.start()).rejects.toThrow('in use');
    expect(server.actor.getSnapshot().value).toBe('stopped');
    await server.disconnect();
    fails = false;
    await server.start();
    expect(server.actor.getSnapshot().value).toBe('running');
    await server.disconnect();
  });
});
