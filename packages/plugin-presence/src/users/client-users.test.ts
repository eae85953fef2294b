import { collectingLogger, SimulatedClock, turn } from '@callboard/testkit';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { Subject } from 'rxjs';
import { ClientUsers } from './client-users.ts';
import type { Begun, UserPresence, Versioned } from './contract.ts';

/** What a server says may come late, twice, or from another server: it is told here word by word. */

interface Asked {
  readonly action: { readonly type: string; readonly [more: string]: unknown };
  readonly answer: (reply: unknown) => Promise<void>;
  readonly fail: (code: string) => Promise<void>;
}
let asked: Asked[];
let told: Subject<{ kind: 'event'; action: object }>;
let connected: Subject<{ resumed: boolean; clientId: string }>;
let clock: SimulatedClock;
let users: ClientUsers;
let seen: string[];

const settled = async () => {
  for (let i = 0; i < 3; i++) await turn();
};
const at = (
  userId: string,
  status: 'ONLINE' | 'AWAY' | 'OFFLINE',
  version: number,
): Versioned<UserPresence> => ({
  ...{ userId, status, version, doNotDisturb: false },
  ...{ onlineSinceTs: null, lastOnlineTs: null, awaySinceTs: null },
});
const begun = (version: number, more: Partial<Begun> = {}): Begun => ({
  own: { ...at('me', 'ONLINE', version), choice: 'auto', activeClient: null },
  users: [],
  refused: [],
  awayAfterMs: 1,
  settlesMs: 0,
  ...more,
});
const changed = (...list: Versioned<UserPresence>[]) =>
  told.next({ kind: 'event', action: { type: 'PRESENCE_CHANGED', users: list } });
const connects = async (resumed: boolean) => {
  connected.next({ resumed, clientId: 'c' });
  await settled();
};
/** The next thing that was asked, of this type. */
const next = (type: string): Asked => {
  const first = asked.shift() as Asked;
  expect(first?.action.type).toBe(type);
  return first;
};

beforeEach(() => {
  asked = [];
  seen = [];
  told = new Subject();
  connected = new Subject();
  clock = new SimulatedClock();
  const client = {
    userId: 'me',
    connected$: connected,
    sendToServer: (action: Asked['action']) =>
      new Promise((resolve, reject) => {
        const settle = (how: () => void) => {
          how();
          return settled();
        };
        asked.push({
          action,
          answer: (reply) => settle(() => resolve(reply)),
          fail: (code) => settle(() => reject({ error: { code } })),
        });
      }),
  };
  const context = {
    client,
    timers: clock,
    logger: collectingLogger(),
    incoming: (operator: (source: Subject<unknown>) => Subject<unknown>) =>
      void operator(told as Subject<unknown>).subscribe(),
    onClose() {},
  };
  users = new ClientUsers(context as never, () => {});
});

const watch = (...ids: string[]) =>
  users.watch(ids).subscribe(({ changed: news }) => {
    for (const { userId, status } of news) seen.push(`${userId} ${status}`);
  });

async function watching(version = 1): Promise<void> {
  watch('1');
  await connects(false);
  await next('PRESENCE_BEGIN').answer(begun(version));
  await next('PRESENCE_WATCH').answer({ users: [at('1', 'ONLINE', version + 1)], refused: [] });
  expect(seen.splice(0)).toEqual(['1 ONLINE']);
}

describe('what is said of users', () => {
  test('late is not taken for news', async () => {
    await watching(5);
    changed(at('1', 'AWAY', 8));
    changed(at('1', 'ONLINE', 7));
    changed(at('stranger', 'ONLINE', 9));
    expect(seen).toEqual(['1 AWAY']);
    watch('2');
    await settled();
    changed(at('1', 'OFFLINE', 10));
    // The answer to what was asked before that.
    await next('PRESENCE_WATCH').answer({ users: [at('1', 'AWAY', 8), at('2', 'OFFLINE', 6)], refused: [] });
    expect(seen).toEqual(['1 AWAY', '1 OFFLINE', '2 OFFLINE']);
  });

  test('since a lost connection is asked for, by what was told before it, until it is answered', async () => {
    await watching();
    changed(at('1', 'AWAY', 8));
    await connects(true);
    const first = next('PRESENCE_BEGIN');
    expect(first.action.since).toBe(8);
    // Told on the new connection, which is lost too.
    changed(at('1', 'ONLINE', 20));
    await first.fail('CONNECTION_LOST');
    await connects(true);
    const second = next('PRESENCE_BEGIN');
    expect(second.action.since).toBe(8);
    await second.answer(begun(1, { users: [at('1', 'OFFLINE', 21)] }));
    expect(seen).toEqual(['1 AWAY', '1 ONLINE', '1 OFFLINE']);
  });

  test('by another server is news, whatever its count', async () => {
    await watching(100);
    const own: string[] = [];
    users.own$.subscribe(({ status }) => own.push(status));
    await connects(false);
    const begin = next('PRESENCE_BEGIN');
    expect(begin.action.since).toBeUndefined();
    await begin.answer(begun(1, { own: { ...begun(1).own, status: 'AWAY' } }));
    await next('PRESENCE_WATCH').answer({ users: [at('1', 'AWAY', 2)], refused: [] });
    expect([own, seen]).toEqual([['ONLINE', 'AWAY'], ['1 AWAY']]);
  });

  test('by a server that was just started waits for those who may yet come back', async () => {
    await watching();
    watch('2', '3');
    await settled();
    await next('PRESENCE_WATCH').answer({ users: [at('2', 'AWAY', 2), at('3', 'OFFLINE', 2)], refused: [] });
    seen.length = 0;
    await connects(false);
    await next('PRESENCE_BEGIN').answer(begun(1, { settlesMs: 30_000 }));
    await next('PRESENCE_WATCH').answer({
      users: ['1', '2', '3'].map((id) => at(id, 'OFFLINE', 2)),
      refused: [],
    });
    await clock.advanceAsync(10_000);
    changed(at('2', 'ONLINE', 3));
    expect(seen).toEqual(['2 ONLINE']);
    // Of this session it is news at once.
    changed(at('2', 'OFFLINE', 4));
    await clock.advanceAsync(20_000);
    expect(seen).toEqual(['2 ONLINE', '2 OFFLINE', '1 OFFLINE']);
  });

  test('that they are refused for now is asked again, in a while', async () => {
    await watching();
    watch('2');
    await settled();
    await next('PRESENCE_WATCH').fail('UNAVAILABLE');
    expect(asked).toEqual([]);
    await clock.advanceAsync(1_000);
    await next('PRESENCE_WATCH').answer({ users: [], refused: ['2'] });
    expect(asked).toEqual([]);
    users.watch('3').subscribe().unsubscribe();
    await settled();
    expect(asked).toEqual([]);
  });

  test('in an earlier session is of no interest', async () => {
    watch('1');
    await connects(false);
    const late = next('PRESENCE_BEGIN');
    await connects(false);
    await late.answer(begun(50));
    expect(users.own).toBeUndefined();
    await next('PRESENCE_BEGIN').answer(begun(1));
    const lateToo = next('PRESENCE_WATCH');
    await connects(false);
    await lateToo.answer({ users: [at('1', 'ONLINE', 51)], refused: [] });
    expect(seen).toEqual([]);
    await next('PRESENCE_BEGIN').answer(begun(2));
    await next('PRESENCE_WATCH').answer({ users: [at('1', 'AWAY', 3)], refused: [] });
    expect(seen).toEqual(['1 AWAY']);
    expect(users.own?.status).toBe('ONLINE');
  });
});
