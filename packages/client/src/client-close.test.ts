import { describe, expect, test } from '@jest/globals';
import type { Observable } from 'rxjs';
import { standing } from '../test/requests-stage.ts';
import { ScriptedClient } from '../test/scripted-client.ts';
import { connected } from '../test/scripted-transport.ts';
import { failure } from '../test/support.ts';

const none = 'NOT_CONNECTED, effect none';

/** That nothing happens any more, whatever does. */
async function isOver(stage: ScriptedClient): Promise<void> {
  const { client, transport, clock } = stage;
  const connections = transport.connections.length;
  const texts = transport.connections.map((each) => each.texts.length);
  expect([stage.state, client.getStatus(), client.isConnected()]).toEqual(['closed', 'OFFLINE', false]);
  expect(await standing(client.sendToServer({ type: 'A' }))).toBe(none);
  expect(await standing(client.broadcast({ type: 'A' }))).toBe(none);
  expect(await standing(client.refresh('token'))).toBe(none);
  await expect(client.connect()).rejects.toMatchObject({ code: 1000 });
  client.drop();
  for (const connection of transport.connections) {
    connection.receive(connected());
    connection.cut();
  }
  await clock.advanceAsync(3_600_000);
  expect(transport.connections).toHaveLength(connections);
  expect(transport.connections.map((each) => each.texts.length)).toEqual(texts);
  expect([client.getStatus(), clock.pendingTimers, stage.logs]).toEqual(['OFFLINE', 0, []]);
}

describe('close', () => {
  test('says goodbye, and resolves when that was heard', async () => {
    const stage = new ScriptedClient({}, { scripted: { closesAtOnce: false } });
    await stage.online();
    const { client } = stage;
    const [written, queued] = [client.sendToServer({ type: 'A' }), client.sendToServer({ type: 'B' })];
    const closed = client.close();
    expect(stage.server.closed).toEqual({ code: 1000, reason: '' });
    expect(client.getStatus()).toBe('OFFLINE');
    const lost = 'CONNECTION_LOST, effect perhaps';
    expect([await standing(written), await standing(queued), await standing(closed)]).toEqual([
      lost,
      lost,
      'pending',
    ]);
    stage.server.cut(1000);
    await closed;
    expect(stage.clock.pendingTimers).toBe(0);
    expect(await standing((await failure(written)).retry())).toBe('OUTCOME_UNKNOWN, effect perhaps');
    await isOver(stage);
  });

  test('resolves though the peer is dead', async () => {
    const stage = new ScriptedClient({}, { scripted: { closesAtOnce: false } });
    await stage.online();
    const closed = stage.client.close();
    await stage.clock.advanceAsync(1_999);
    expect(await standing(closed)).toBe('pending');
    await stage.clock.advanceAsync(1);
    expect([await standing(closed), stage.server.dropped]).toEqual([{ result: undefined }, true]);
    await isOver(stage);
  });

  test.each<[string, (stage: ScriptedClient) => unknown]>([
    ['before it began', () => {}],
    ['while it connects', (stage) => stage.clock.settle()],
    ['before its welcome', (stage) => stage.opened()],
    ['while it waits to come back', (stage) => stage.online().then(() => stage.server.cut())],
    [
      'when the server closed it for good',
      async (stage) => {
        await stage.online();
        stage.server.cut(3507);
      },
    ],
  ])('%s ends it as well', async (_, before) => {
    const stage = new ScriptedClient();
    await before(stage);
    const send = stage.client.sendToServer({ type: 'A' });
    await stage.client.close();
    expect(await standing(send)).toBe(none);
    await isOver(stage);
  });

  test('opens nothing when the token comes late', async () => {
    let give: (token: string) => void = () => {};
    const stage = new ScriptedClient({
      token: () =>
        new Promise((resolve) => {
          give = resolve;
        }),
    });
    await stage.clock.settle();
    await stage.client.close();
    give('late');
    await stage.clock.settle();
    expect(stage.transport.connections).toEqual([]);
    await isOver(stage);
  });

  test('is one and the same, however often it is asked for', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    const closed = stage.client.close();
    expect(stage.client.close()).toBe(closed);
    await closed;
    expect(stage.client.close()).toBe(closed);
  });

  test('completes the Observables, and tells that it is offline before', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    const { client } = stage;
    const seen: string[] = [];
    for (const name of ['status$', 'messages$', 'events$', 'gaps$'] as const)
      (client[name] as Observable<unknown>).subscribe({
        next: (value) => void seen.push(typeof value === 'string' ? value : name),
        complete: () => seen.push(`${name} ends`),
      });
    client.onStatusChange(({ status, previousStatus }) => seen.push(`${previousStatus} to ${status}`));
    client.actor.subscribe({ complete: () => seen.push('actor ends') });
    await client.close();
    expect(seen).toEqual([
      'ONLINE',
      'OFFLINE',
      'events$',
      'ONLINE to OFFLINE',
      'actor ends',
      'status$ ends',
      'messages$ ends',
      'events$ ends',
      'gaps$ ends',
    ]);
  });
});

describe('whoever is told that it is over', () => {
  test('may close it, and connects nobody', async () => {
    let disposed = 0;
    const plugin = {
      name: 'counts',
      setup: ({ onClose }: { onClose(dispose: () => void): void }) => onClose(() => void disposed++),
    };
    const stage = new ScriptedClient({ plugins: [plugin] as never });
    await stage.online();
    const { client } = stage;
    const again: Promise<void>[] = [];
    client.onStatusChange(() => {
      again.push(client.close());
      void client.connect();
    });
    await client.close();
    expect([await Promise.all(again), disposed]).toEqual([[undefined], 1]);
    await isOver(stage);
  });

  test('may close it when the connection is lost', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    const closed: Promise<void>[] = [];
    stage.client.onStatusChange(() => void closed.push(stage.client.close()));
    stage.server.cut();
    await Promise.all(closed);
    expect(closed).toHaveLength(1);
    expect(stage.client.getStatus()).toBe('OFFLINE');
    expect(await standing(stage.client.sendToServer({ type: 'A' }))).toBe(none);
    await expect(stage.client.connect()).rejects.toMatchObject({ code: 1000 });
    await stage.clock.advanceAsync(60_000);
    expect([stage.transport.connections.length, stage.clock.pendingTimers]).toEqual([1, 0]);
  });

  test.each(['connecting', 'authenticating', 'online'])(
    'may close it when its actor is %s',
    async (state) => {
      const stage = new ScriptedClient();
      let closed: Promise<void> | undefined;
      stage.client.actor.subscribe(({ value }) => {
        if (value === state) closed ??= stage.client.close();
      });
      if (state === 'connecting') stage.client.drop();
      await stage.clock.advanceAsync(250);
      if (stage.transport.connections.length > 0) {
        stage.server.open();
        stage.receive(connected());
      }
      expect(closed).toBeDefined();
      await closed;
      expect(stage.client.getStatus()).toBe('OFFLINE');
      expect(await standing(stage.client.sendToServer({ type: 'A' }))).toBe(none);
      await expect(stage.client.connect()).rejects.toMatchObject({ code: 1000 });
      await stage.clock.advanceAsync(60_000);
      expect([stage.clock.pendingTimers, stage.logs]).toEqual([0, []]);
    },
  );

  test('may close it at the first message', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    const seen: unknown[] = [];
    stage.client.subscribe('A', (action) => {
      seen.push(action);
      void stage.client.close();
    });
    for (const offset of [1, 2]) stage.receive({ op: 'message', offset, action: { type: 'A' } });
    expect(seen).toHaveLength(1);
    await stage.client.close();
    await isOver(stage);
  });
});
