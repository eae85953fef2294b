import { nativeEvents } from '@callboard/protocol';
import { describe, expect, test } from '@jest/globals';
import { resumed, ScriptedClient } from '../test/scripted-client.ts';
import { connected } from '../test/scripted-transport.ts';

/** What the client asked for since this was asked last: `+A +B`, `-C`. */
function asked(stage: ScriptedClient): string[] {
  return stage.server.take().flatMap((frame) => {
    if (frame.op !== 'subscribe' && frame.op !== 'unsubscribe') return [];
    const sign = frame.op === 'subscribe' ? '+' : '-';
    return [(frame.events ?? []).map((type) => sign + type).join(' ')];
  });
}
const nobody = () => {};
const refuse = (stage: ScriptedClient, mid: number, code = 'RATE_LIMITED', retryAfterMs?: number) =>
  stage.receive({
    op: 'error',
    mid,
    code,
    message: code,
    retryable: code === 'RATE_LIMITED',
    ...(retryAfterMs && { retryAfterMs }),
  });
const online = async (stage: ScriptedClient) => {
  await stage.opened();
  stage.receive(connected());
};

describe('native events', () => {
  test('of the user’s status are asked for, whoever subscribes', async () => {
    const stage = new ScriptedClient();
    await online(stage);
    expect(asked(stage)).toEqual(['+STATUS_CHANGE']);
    stage.client.onStatusChange(nobody)();
    expect(asked(stage)).toEqual([]);
  });

  test('are asked for while somebody subscribes, and once', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    const ends = [1, 2].map(() => stage.client.subscribe('CLIENT_ONLINE', nobody));
    expect(asked(stage)).toEqual(['+CLIENT_ONLINE']);
    ends[0]?.();
    expect(asked(stage)).toEqual([]);
    ends[1]?.();
    ends[1]?.();
    expect(asked(stage)).toEqual(['-CLIENT_ONLINE']);
  });

  test('are known by their names; no action is asked for', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    for (const type of ['SHORTLIST_UPDATE', 'constructor', 'CAST_CHANGE'])
      stage.client.subscribe(type, nobody);
    expect(asked(stage)).toEqual([]);
    for (const type of Object.values(nativeEvents).flat()) stage.client.subscribe(type, nobody);
    expect(asked(stage)).toHaveLength(Object.values(nativeEvents).flat().length - 1);
  });

  test('that a server’s plugins add are asked of that server', async () => {
    const stage = new ScriptedClient();
    stage.client.subscribe('CAST_CHANGE', nobody);
    await online(stage);
    expect(asked(stage)).toEqual(['+STATUS_CHANGE']);
    stage.server.cut();
    void stage.client.connect();
    await stage.opened();
    stage.receive(connected({ events: ['CAST_CHANGE'] }));
    expect(asked(stage)).toEqual(['+STATUS_CHANGE +CAST_CHANGE']);
  });

  test('are asked for anew in a new session, and in one that goes on as far as that changed meanwhile', async () => {
    const stage = new ScriptedClient();
    const end = stage.client.subscribe('CLIENT_LOST', nobody);
    await stage.online();
    stage.server.cut();
    end();
    stage.client.subscribe('CLIENT_GONE', nobody);
    void stage.client.connect();
    await stage.opened();
    stage.receive(connected(resumed));
    expect(asked(stage)).toEqual(['+CLIENT_GONE', '-CLIENT_LOST']);
    await stage.answerAll();
    stage.server.cut();
    void stage.client.connect();
    await online(stage);
    expect(asked(stage)).toEqual(['+STATUS_CHANGE +CLIENT_GONE']);
  });

  test('are asked for in portions', async () => {
    const stage = new ScriptedClient();
    const types = Array.from({ length: 600 }, (_, i) => `EVENT_${i}`);
    const ends = types.map((type) => stage.client.subscribe(type, nobody));
    await stage.opened();
    stage.receive(connected({ events: types }));
    const portions = asked(stage).map((each) => each.split(' '));
    expect(portions.map(({ length }) => length)).toEqual([256, 256, 89]);
    expect(new Set(portions.flat()).size).toBe(601);
    for (const end of ends) end();
    expect(asked(stage)).toHaveLength(600);
  });
});

describe('where the server refuses for now', () => {
  test('it is asked again, when the server says', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    stage.client.subscribe('CLIENT_LOST', nobody);
    refuse(stage, 2, 'RATE_LIMITED', 240);
    asked(stage);
    await stage.clock.advanceAsync(239);
    expect(asked(stage)).toEqual([]);
    await stage.clock.advanceAsync(1);
    expect(asked(stage)).toEqual(['+CLIENT_LOST']);
    refuse(stage, 3);
    await stage.clock.advanceAsync(1_000);
    expect(asked(stage)).toEqual(['+CLIENT_LOST']);
    await stage.clock.advanceAsync(20_000);
    expect(asked(stage)).toEqual([]);
  });

  test('and says to wait for longer than timers count, it is not asked at once', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    stage.client.subscribe('CLIENT_LOST', nobody);
    refuse(stage, 2, 'RATE_LIMITED', 1e12);
    asked(stage);
    await stage.clock.advanceAsync(30_000);
    expect([asked(stage), stage.state]).toEqual([[], 'online']);
  });

  test('it is asked for what is wanted by then', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    const end = stage.client.subscribe('CLIENT_LOST', nobody);
    stage.receive({ op: 'reply', mid: 2 });
    end();
    refuse(stage, 3);
    stage.client.subscribe('CLIENT_LOST', nobody);
    await stage.clock.settle();
    asked(stage);
    await stage.clock.advanceAsync(10_000);
    const later = asked(stage);
    expect(later.filter((each) => each.startsWith('-'))).toEqual([]);
  });

  test('to take one back, that is asked again as well', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    const end = stage.client.subscribe('CLIENT_LOST', nobody);
    stage.receive({ op: 'reply', mid: 2 });
    end();
    refuse(stage, 3);
    asked(stage);
    await stage.clock.advanceAsync(1_000);
    expect(asked(stage)).toEqual(['-CLIENT_LOST']);
  });

  test('or does not know any more what became of it, it is asked again', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    stage.client.subscribe('CLIENT_LOST', nobody);
    refuse(stage, 2, 'OUTCOME_UNKNOWN');
    asked(stage);
    await stage.clock.advanceAsync(1_000);
    expect(asked(stage)).toEqual(['+CLIENT_LOST']);
  });

  test.each(['at once', 'later'])('and the client is closed %s, nothing is asked again', async (when) => {
    const stage = new ScriptedClient();
    await stage.online();
    stage.client.subscribe('CLIENT_LOST', nobody);
    refuse(stage, 2);
    if (when === 'later') await stage.clock.settle();
    await stage.client.close();
    expect(stage.clock.pendingTimers).toBe(0);
  });

  test('for good, it is not asked again', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    stage.client.subscribe('CLIENT_LOST', nobody);
    refuse(stage, 2, 'FORBIDDEN');
    asked(stage);
    await stage.clock.advanceAsync(30_000);
    expect([asked(stage), stage.logs]).toEqual([[], []]);
  });

  test('and the connection is lost, it is asked in the next one', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    stage.client.subscribe('CLIENT_LOST', nobody);
    refuse(stage, 2);
    await stage.clock.settle();
    stage.server.cut();
    void stage.client.connect();
    await stage.opened();
    stage.receive(connected(resumed));
    expect(asked(stage)).toEqual(['+CLIENT_LOST']);
    await stage.clock.advanceAsync(30_000);
    expect(asked(stage)).toEqual([]);
  });
});

describe('where no answer comes', () => {
  test('it is asked again', async () => {
    const stage = new ScriptedClient();
    await stage.online({ pingIntervalMs: 600_000 });
    stage.client.subscribe('CLIENT_LOST', nobody);
    asked(stage);
    await stage.clock.advanceAsync(36_000);
    expect(asked(stage)).toEqual(['+CLIENT_LOST']);
  });

  test('before the session is lost, it is asked anew in the next one, and once', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    stage.client.subscribe('CLIENT_LOST', nobody);
    stage.server.cut();
    void stage.client.connect();
    await online(stage);
    expect(asked(stage)).toEqual(['+STATUS_CHANGE +CLIENT_LOST']);
    await stage.clock.advanceAsync(10_000);
    expect(asked(stage)).toEqual([]);
  });

  test('before the connection is lost, it is asked again as it was', async () => {
    const stage = new ScriptedClient();
    await stage.online();
    stage.client.subscribe('CLIENT_LOST', nobody);
    const [frame] = stage.server.take();
    stage.server.cut();
    void stage.client.connect();
    await stage.opened();
    stage.receive(connected(resumed));
    expect(stage.server.take().slice(1)).toEqual([frame]);
  });

  test('for as long as there is no connection, it is asked in the next one', async () => {
    const stage = new ScriptedClient({ timeoutMs: 10_000, token: () => new Promise(() => {}) });
    expect(stage.state).toBe('connecting');
    const other = new ScriptedClient({ timeoutMs: 10_000 });
    await other.online({ limits: { ...connected().limits, maxPendingRequests: 1 } });
    void other.client.sendToServer({ type: 'A' }, { timeoutMs: 60_000 }).catch(nobody);
    other.client.subscribe('CLIENT_LOST', nobody);
    expect(asked(other)).toEqual([]);
    other.server.cut();
    await other.clock.advanceAsync(200);
    other.transport.failure = new Error('no network');
    await other.clock.advanceAsync(10_000);
    other.transport.failure = undefined;
    void other.client.connect();
    await other.opened();
    other.receive(connected(resumed));
    expect(asked(other)).toEqual(['+CLIENT_LOST']);
  });
});
