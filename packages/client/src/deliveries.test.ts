import { describe, expect, test } from '@jest/globals';
import { map } from 'rxjs';
import { resumed, ScriptedClient } from '../test/scripted-client.ts';
import { connected } from '../test/scripted-transport.ts';

const message = (offset: number, type = 'A', from?: { userId: string; clientId: string }) =>
  ({ op: 'message', offset, action: { type, offset }, ...(from && { from }) }) as const;
const status = (state: 'ONLINE' | 'AWAY' | 'OFFLINE', userId = '44') =>
  ({
    op: 'event',
    event: { type: 'STATUS_CHANGE', userId, status: state, previousStatus: 'ONLINE', awaySinceTs: 7, at: 9 },
  }) as const;

describe('messages', () => {
  test('reach subscribers and messages$ once, in order, with who sent them and whether they were missed', async () => {
    const stage = new ScriptedClient();
    const seen: unknown[] = [];
    stage.client.subscribe('A', (action, { kind, from, recovered }) =>
      seen.push([action, kind, from, recovered]),
    );
    stage.client.messages$.subscribe(({ action, recovered }) => seen.push([action.type, recovered]));
    await stage.online();
    const from = { userId: '12', clientId: 'c9' };
    stage.receive(message(1, 'A', from));
    stage.receive(message(1, 'A', from));
    stage.receive(message(3, 'B'));
    await stage.back({ ...resumed, streams: { $inbox: { epoch: 'epoch-1', offset: 5, recovered: true } } });
    stage.receive(message(3, 'B'));
    stage.receive(message(5, 'B'));
    stage.receive(message(6, 'B'));
    expect(seen).toEqual([
      ['A', false],
      [{ type: 'A', offset: 1 }, 'message', from, false],
      ['B', false],
      ['B', true],
      ['B', false],
    ]);
  });

  test('come while the connection begins, too', async () => {
    const stage = new ScriptedClient();
    const seen: unknown[] = [];
    stage.client.messages$.subscribe(({ action }) => seen.push(action.type));
    await stage.opened();
    stage.receive(connected());
    stage.receive(message(1));
    expect(seen).toEqual(['A']);
  });

  test('by the name of a native event are messages', async () => {
    const stage = new ScriptedClient();
    const seen: unknown[] = [];
    stage.client.subscribe('STATUS_CHANGE' as string, (_, { kind }) => seen.push(kind));
    await stage.online();
    seen.length = 0;
    stage.receive({
      op: 'message',
      offset: 1,
      action: { type: 'STATUS_CHANGE', status: 'AWAY', userId: '44' },
    });
    expect([seen, stage.client.getStatus()]).toEqual([['message'], 'ONLINE']);
  });
});

describe('replies', () => {
  test('reach the caller, and subscribers of the type, unless there is nothing to tell', async () => {
    const stage = new ScriptedClient();
    const seen: unknown[] = [];
    stage.client.subscribe('A', (result, { kind, action }) => seen.push([result, kind, action]));
    await stage.online();
    const calls = [1, 2, 3].map((n) => stage.client.sendToServer({ type: 'A', n }));
    stage.receive({ op: 'reply', mid: 2, result: 'one' });
    stage.receive({ op: 'reply', mid: 3 });
    stage.receive({ op: 'reply', mid: 4, result: null });
    expect(await Promise.all(calls)).toEqual(['one', undefined, null]);
    expect(seen).toEqual([
      ['one', 'reply', { type: 'A', n: 1 }],
      [null, 'reply', { type: 'A', n: 3 }],
    ]);
  });

  test('to a broadcast or a send are nobody else’s business', async () => {
    const stage = new ScriptedClient();
    const seen: unknown[] = [];
    stage.client.subscribe('A', (payload) => seen.push(payload));
    await stage.online();
    const sends = [
      stage.client.broadcast({ type: 'A' }),
      stage.client.sendToUser({ type: 'A' }, [12, '12', 7]),
    ];
    expect(stage.server.take()).toMatchObject([{ op: 'broadcast' }, { op: 'send', to: ['12', '7'] }]);
    for (const mid of [2, 3]) stage.receive({ op: 'reply', mid, result: 'odd', offset: mid });
    await Promise.all(sends);
    expect(seen).toEqual([]);
  });
});

describe('the status', () => {
  test('follows the connection, and what the server says of the user', async () => {
    const stage = new ScriptedClient();
    const { client } = stage;
    const seen: unknown[] = [];
    client.status$.subscribe((each) => seen.push(each));
    client.onStatusChange(({ status: now, previousStatus, userId }) =>
      seen.push([previousStatus, now, userId]),
    );
    expect([client.getStatus(), client.isConnected()]).toEqual(['CONNECTING', false]);
    await stage.online();
    expect(client.isConnected()).toBe(true);
    stage.receive(status('AWAY'));
    expect([client.getStatus(), client.isConnected()]).toEqual(['AWAY', true]);
    stage.server.cut();
    expect([client.getStatus(), client.isConnected()]).toEqual(['OFFLINE', false]);
    expect(seen).toEqual([
      'CONNECTING',
      'ONLINE',
      ['CONNECTING', 'ONLINE', '44'],
      'AWAY',
      ['ONLINE', 'AWAY', '44'],
      'OFFLINE',
      ['AWAY', 'OFFLINE', '44'],
    ]);
  });

  test('is OFFLINE where the first attempt failed, and stays so while it tries', async () => {
    const stage = new ScriptedClient();
    const seen: unknown[] = [];
    stage.client.status$.subscribe((each) => seen.push(each));
    for (let n = 0; n < 3; n++) {
      await stage.opened();
      stage.server.cut();
      void stage.client.connect();
    }
    await stage.online({ status: 'AWAY' });
    expect(seen).toEqual(['CONNECTING', 'OFFLINE', 'AWAY']);
  });

  test('that changes while it is told is told last as it is', async () => {
    const stage = new ScriptedClient();
    const { client } = stage;
    const seen: unknown[] = [];
    client.status$.subscribe((each) => {
      if (each === 'ONLINE') client.drop();
    });
    client.onStatusChange((change) => seen.push([change.previousStatus, change.status]));
    await stage.opened();
    stage.receive(connected());
    expect([seen, client.getStatus()]).toEqual([[['ONLINE', 'OFFLINE']], 'OFFLINE']);
  });

  test('that is the same again is told nobody', async () => {
    const stage = new ScriptedClient();
    let changes = 0;
    stage.client.onStatusChange(() => changes++);
    await stage.online();
    stage.receive(status('ONLINE'));
    expect(changes).toBe(1);
  });

  test('comes with what the server told of it, and with when', async () => {
    const stage = new ScriptedClient();
    const seen: unknown[] = [];
    await stage.online();
    stage.client.onStatusChange((change) => seen.push(change));
    stage.client.events$.subscribe((event) => seen.push(event.type));
    stage.receive(status('AWAY'));
    stage.server.cut();
    expect(seen).toEqual([
      'STATUS_CHANGE',
      {
        type: 'STATUS_CHANGE',
        userId: '44',
        status: 'AWAY',
        previousStatus: 'ONLINE',
        awaySinceTs: 7,
        at: 9,
      },
      'STATUS_CHANGE',
      {
        type: 'STATUS_CHANGE',
        userId: '44',
        status: 'OFFLINE',
        previousStatus: 'AWAY',
        at: stage.clock.now(),
      },
    ]);
  });

  test('of another user is an event like any other', async () => {
    const stage = new ScriptedClient();
    const seen: unknown[] = [];
    await stage.online();
    stage.client.onStatusChange(({ userId }) => seen.push(userId));
    stage.receive(status('AWAY', '12'));
    expect([seen, stage.client.getStatus()]).toEqual([['12'], 'ONLINE']);
  });
});

describe('those who are told', () => {
  const broken = new Error('broken');
  const fails = (): never => {
    throw broken;
  };

  test('and throw end nothing but their own subscription', async () => {
    const stage = new ScriptedClient();
    const { client } = stage;
    const seen: unknown[] = [];
    client.actor.subscribe(fails);
    client.status$.pipe(map(fails)).subscribe();
    client.messages$.subscribe(fails);
    client.gaps$.subscribe(fails);
    client.events$.subscribe(fails);
    client.onStatusChange(fails);
    client.subscribe('A', fails);
    client.subscribe('A', (_, { kind }) => seen.push(kind));
    await stage.online();
    const call = client.sendToServer({ type: 'A' });
    stage.receive({ op: 'reply', mid: 2, result: 1 });
    stage.receive(message(1));
    const at = { epoch: 'epoch-1', offset: 1 };
    stage.receive({ op: 'gap', stream: '$inbox', from: at, to: at, reason: 'evicted' });
    expect([await call, seen, stage.state]).toEqual([1, ['reply', 'message'], 'online']);
    const causes = stage.logger.logs.map(({ level, fields }) => [level, fields.cause]);
    expect(causes.length).toBeGreaterThanOrEqual(8);
    expect(causes).toEqual(causes.map(() => ['error', broken]));
  });

  test('may send, subscribe and unsubscribe in that', async () => {
    const stage = new ScriptedClient();
    const { client } = stage;
    await stage.online();
    const end = client.subscribe('A', () => {
      end();
      void client.broadcast({ type: 'B' });
      client.subscribe('A', () => void client.broadcast({ type: 'C' }));
    });
    for (const offset of [1, 2]) stage.receive(message(offset));
    expect(stage.server.takeActions().map(({ action }) => action.type)).toEqual(['B', 'C']);
  });
});
