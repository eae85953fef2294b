import { Disconnect } from '@callboard/protocol';
import { describe, expect, test } from '@jest/globals';
import { standing } from '../test/requests-stage.ts';
import { resumed, ScriptedClient } from '../test/scripted-client.ts';
import { connected, limits } from '../test/scripted-transport.ts';

const lostWith = (code: number, afterMs?: number) =>
  ({ op: 'disconnect', code, reason: 'because', reconnect: true, ...(afterMs && { afterMs }) }) as const;

describe('a client', () => {
  test('connects by itself, and says who it is', async () => {
    const stage = new ScriptedClient({ token: 'a-token', device: 'kitchen tablet' });
    await stage.opened();
    expect(stage.server.url).toBe('ws://server/callboard');
    expect(stage.server.take()).toEqual([
      { op: 'connect', version: 1, userId: '44', token: 'a-token', device: 'kitchen tablet' },
    ]);
    expect([stage.state, stage.client.id]).toEqual(['authenticating', undefined]);
    stage.receive(connected());
    expect([stage.state, stage.client.id, stage.client.userId]).toEqual(['online', 'client-1', '44']);
  });

  test('comes back with its session, position and last mid, and is told that it goes on', async () => {
    const stage = new ScriptedClient();
    await stage.online({ streams: { $inbox: { epoch: 'e', offset: 5, recovered: false } } });
    stage.receive({ op: 'message', offset: 8, action: { type: 'A' } });
    stage.receive({ op: 'ping', offset: 9 });
    stage.server.cut();
    expect([stage.state, stage.client.getStatus()]).toEqual(['reconnecting', 'OFFLINE']);
    stage.clock.advance(250);
    await stage.opened();
    expect(stage.server.take()).toEqual([
      {
        op: 'connect',
        version: 1,
        userId: '44',
        resume: { session: 'secret-1', positions: { $inbox: { epoch: 'e', offset: 9 } }, mid: 1 },
      },
    ]);
    stage.receive(connected(resumed));
    stage.server.cut();
    stage.clock.advance(500);
    await stage.opened();
    expect(stage.server.frames).toMatchObject([{ resume: { session: 'secret-2' } }]);
  });

  test('answers pings, with what it has settled', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    const call = stage.client.sendToServer({ type: 'A' });
    stage.receive({ op: 'ping' });
    stage.receive({ op: 'reply', mid: 2, result: 7 });
    stage.receive({ op: 'ping' });
    expect(await call).toBe(7);
    expect(stage.server.take().slice(1)).toEqual([
      { op: 'pong', settled: 1 },
      { op: 'pong', settled: 2 },
    ]);
  });

  test('counts its pongs as the server does', async () => {
    const stage = new ScriptedClient();
    await stage.online({ limits: { ...limits, maxFramesPerSecond: 10 } });
    for (let n = 0; n < 20; n++) stage.receive({ op: 'ping' });
    void stage.client.broadcast({ type: 'A' });
    expect(stage.server.takeActions()).toEqual([]);
    await stage.clock.advanceAsync(1_000);
    expect(stage.server.takeActions()).toHaveLength(1);
  });

  test('moves its position with replies, and with gaps in its inbox alone', async () => {
    const stage = new ScriptedClient();
    const gaps: unknown[] = [];
    stage.client.gaps$.subscribe((gap) => gaps.push(gap));
    await stage.online();
    const [from, to] = [
      { epoch: 'epoch-1', offset: 0 },
      { epoch: 'epoch-2', offset: 3 },
    ];
    stage.receive({ op: 'gap', stream: '$inbox', from, to, reason: 'epoch' });
    stage.receive({ op: 'gap', stream: 'news', from, to: { epoch: 'other', offset: 9 }, reason: 'evicted' });
    stage.receive({ op: 'reply', mid: 1, offset: 7 });
    stage.server.cut();
    void stage.client.connect();
    await stage.opened();
    expect(stage.server.frames).toMatchObject([
      { resume: { positions: { $inbox: { epoch: 'epoch-2', offset: 7 } } } },
    ]);
    expect(gaps).toEqual([
      { stream: '$inbox', from, to, reason: 'epoch' },
      { stream: 'news', from, to: { epoch: 'other', offset: 9 }, reason: 'evicted' },
    ]);
  });

  test('does not come back where the server says so, until the application wants it', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    stage.receive(lostWith(3507));
    stage.server.cut(3507);
    stage.clock.advance(3_600_000);
    await stage.clock.settle();
    expect([stage.state, stage.transport.connections.length]).toEqual(['closed', 1]);
    const none = stage.client.sendToServer({ type: 'A' });
    const back = stage.client.connect();
    const call = stage.client.sendToServer({ type: 'B' });
    expect([await standing(none), await standing(call)]).toEqual(['NOT_CONNECTED, effect none', 'pending']);
    await stage.online();
    await expect(back).resolves.toBeUndefined();
    expect(await standing(call)).toEqual({ result: undefined });
  });

  test('comes back when the server says', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    stage.receive(lostWith(3000, 730));
    stage.server.cut(3000);
    await stage.clock.advanceAsync(729);
    expect(stage.transport.connections).toHaveLength(1);
    await stage.clock.advanceAsync(1);
    expect(stage.transport.connections).toHaveLength(2);
  });

  test('notices silence', async () => {
    const stage = new ScriptedClient();
    await stage.online({ pingIntervalMs: 2_000, pongTimeoutMs: 1_000 });
    stage.clock.advance(2_999);
    expect(stage.state).toBe('online');
    stage.clock.advance(1);
    expect([stage.state, stage.server.dropped]).toEqual(['reconnecting', true]);
    expect(stage.client.actor.getSnapshot().context.ending).toMatchObject({ reason: 'nothing was heard' });
  });

  test('gives up on a server that does not answer', async () => {
    const stage = new ScriptedClient();
    await stage.opened();
    stage.clock.advance(12_000);
    expect([stage.state, stage.server.dropped]).toEqual(['reconnecting', true]);
    stage.receive(connected());
    expect([stage.state, stage.client.getStatus()]).toEqual(['reconnecting', 'OFFLINE']);
  });

  test('breaks its connection as a bad network would, and comes back', async () => {
    const stage = new ScriptedClient();
    stage.client.drop();
    expect(stage.state).toBe('reconnecting');
    stage.client.drop();
    await stage.clock.advanceAsync(250);
    await stage.online();
    stage.client.drop();
    expect([stage.state, stage.server.dropped]).toEqual(['reconnecting', true]);
  });

  test('may be dropped by who is told that it is there', async () => {
    const stage = new ScriptedClient();
    let drops = 0;
    stage.client.actor.subscribe(({ value }) => {
      if (value === 'online' && drops++ === 0) stage.client.drop();
    });
    await stage.opened();
    stage.receive(connected());
    expect([stage.state, stage.client.getStatus()]).toEqual(['reconnecting', 'OFFLINE']);
    const call = stage.client.sendToServer({ type: 'A' });
    expect(stage.server.takeActions()).toEqual([]);
    await stage.clock.advanceAsync(250);
    await stage.opened();
    stage.receive(connected(resumed));
    expect(stage.server.takeActions()).toHaveLength(1);
    stage.receive({ op: 'reply', mid: 1, result: 7 });
    expect(await call).toBe(7);
  });

  test('does not start a second attempt for those who want one now', async () => {
    const stage = new ScriptedClient();
    const attempts = [stage.client.connect(), stage.client.connect()];
    await stage.online();
    expect(stage.transport.connections).toHaveLength(1);
    expect(await Promise.all(attempts)).toEqual([undefined, undefined]);
    await expect(stage.client.connect()).resolves.toBeUndefined();
  });

  test('tells who waits for a connection that there will be none', async () => {
    const stage = new ScriptedClient();
    const refused = stage.client.connect();
    await stage.opened();
    stage.receive(lostWith(3500));
    stage.server.cut(3500);
    await expect(refused).rejects.toThrow(Disconnect);
    await expect(refused).rejects.toMatchObject({ code: 3500, reason: 'because' });
  });

  test('ignores what it does not know', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    stage.receive({ op: 'later', mid: 1 } as never);
    stage.receive({ op: 'ping', more: true } as never);
    expect([stage.state, stage.server.take(), stage.logs]).toEqual([
      'online',
      [{ op: 'pong', settled: 1 }],
      [],
    ]);
  });

  test('sends by its own options, where a send says nothing else', async () => {
    const stage = new ScriptedClient({ timeoutMs: 2_000, resend: true });
    await stage.online();
    const { client } = stage;
    const sends = [
      client.sendToServer({ type: 'A' }),
      client.sendToServer({ type: 'A' }, { timeoutMs: undefined, resend: undefined }),
      client.sendToServer({ type: 'A' }, { timeoutMs: 3_000 }),
      client.sendToServer({ type: 'A' }, { resend: false }),
    ];
    stage.server.cut();
    const lost = 'CONNECTION_LOST, effect perhaps';
    expect(await Promise.all(sends.map(standing))).toEqual(['pending', 'pending', 'pending', lost]);
    stage.clock.advance(2_000);
    const timeout = 'TIMEOUT, effect perhaps';
    expect(await Promise.all(sends.map(standing))).toEqual([timeout, timeout, 'pending', lost]);
    stage.clock.advance(1_000);
    expect(await standing(sends[2] as Promise<unknown>)).toBe(timeout);
  });

  test('takes a server without limits at its word', async () => {
    const stage = new ScriptedClient();
    const none = Object.fromEntries(Object.keys(limits).map((name) => [name, null]));
    await stage.online({ limits: none as never });
    for (let n = 0; n < 900; n++) void stage.client.broadcast({ type: 'A', text: 'x'.repeat(1_000) });
    expect(stage.server.take()).toHaveLength(900);
  });
});

describe('a probe of the connection', () => {
  test('is made when the page wakes, and a dead one is given up', async () => {
    const page = new EventTarget();
    const names = ['document', 'addEventListener', 'removeEventListener'] as const;
    const { addEventListener, removeEventListener } = EventTarget.prototype;
    const values = [
      Object.assign(new EventTarget(), { visibilityState: 'visible' }),
      addEventListener.bind(page),
      removeEventListener.bind(page),
    ];
    for (const [i, name] of names.entries())
      Object.defineProperty(globalThis, name, { value: values[i], configurable: true });
    try {
      const stage = new ScriptedClient();
      await stage.online();
      stage.clock.advance(20_000);
      for (const type of ['pageshow', 'online']) page.dispatchEvent(new Event(type));
      expect(stage.server.take()).toEqual([
        { op: 'subscribe', mid: 2, settled: 1, events: ['STATUS_CHANGE'] },
      ]);
      stage.receive({ op: 'reply', mid: 2 });
      stage.clock.advance(20_000);
      expect(stage.state).toBe('online');
      page.dispatchEvent(new Event('online'));
      stage.clock.advance(5_000);
      expect([stage.state, stage.server.dropped]).toEqual(['reconnecting', true]);
      page.dispatchEvent(new Event('online'));
      expect(stage.state).toBe('connecting');
      page.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: false }));
      expect(stage.state).toBe('closed');
    } finally {
      for (const name of names) Reflect.deleteProperty(globalThis, name);
    }
  });
});
