import assert from 'node:assert/strict';
import type { Awaitable } from '@callboard/runtime';
import type { PresenceStore, Remembered } from './store.ts';

/** `describe` and `test` of jest, vitest or `node:test`. */
export interface SuiteRunner {
  describe(name: string, body: () => void): unknown;
  test(name: string, body: () => Promise<void>): unknown;
}

/** A store under test: empty, and not yet opened. */
export interface StoreUnderTest {
  readonly store: PresenceStore;
  /** Called after each test, when it is closed. */
  close?(): Awaitable<void>;
}

const at = Date.UTC(2026, 0, 1);
const user = (userId: string, more: Partial<Remembered> = {}): Remembered => ({
  userId,
  lastOnlineTs: at,
  lastSeenTs: at - 1,
  choice: 'auto',
  ...more,
});

/** What every `PresenceStore` must do. `make` gives each test a store of its own. */
export function presenceStoreSuite(
  name: string,
  make: () => Awaitable<StoreUnderTest>,
  { describe, test }: SuiteRunner,
): void {
  const check = (title: string, body: (store: PresenceStore) => Promise<void>) =>
    test(title, async () => {
      const { store, close } = await make();
      try {
        await store.open();
        await body(store);
      } finally {
        await store.close();
        await close?.();
      }
    });
  const loaded = async (store: PresenceStore, ...userIds: string[]) =>
    [...(await store.load(userIds))].sort((a, b) => (a.userId < b.userId ? -1 : 1));

  describe(`${name} is a presence store`, () => {
    check('knows those whom it was given, as they were given, and nobody else', async (store) => {
      const users = [
        user('1'),
        user('2', { lastOnlineTs: null, lastSeenTs: null, choice: 'invisible' }),
        user('3', { choice: 'doNotDisturb' }),
      ];
      await store.save(users);
      assert.deepEqual(await loaded(store, '1', '2', '3', '4'), users);
      assert.deepEqual(await loaded(store, '3', '9'), [users[2]]);
      assert.deepEqual(await loaded(store), []);
    });

    check('has what was saved last', async (store) => {
      await store.save([user('1'), user('2')]);
      await store.save([user('1', { choice: 'away', lastSeenTs: null })]);
      assert.deepEqual(await loaded(store, '1', '2'), [
        user('1', { choice: 'away', lastSeenTs: null }),
        user('2'),
      ]);
    });

    check('takes nobody for another one', async (store) => {
      const ids = [
        'a',
        'A',
        'ä',
        'a\u0308',
        ' a',
        'a ',
        'a\0',
        '"',
        '\\',
        "'; --",
        '\ud800',
        '\ud801',
        '😀',
        '%',
        '1',
      ];
      await store.save(ids.map((id, i) => user(id, { lastOnlineTs: i })));
      for (const [i, id] of ids.entries())
        assert.deepEqual(await loaded(store, id), [user(id, { lastOnlineTs: i })]);
      assert.deepEqual(await loaded(store, '\ud802', 'b'), []);
    });

    check('saves and loads many at once', async (store) => {
      const users = Array.from({ length: 1_000 }, (_, i) => user(`user ${i}`, { lastOnlineTs: at + i }));
      await store.save(users);
      assert.equal((await store.load(users.map(({ userId }) => userId))).length, 1_000);
    });

    check('is opened again after it was closed', async (store) => {
      await store.save([user('1')]);
      await store.close();
      await store.open();
      assert.deepEqual(await loaded(store, '1'), [user('1')]);
    });
  });
}
