import type { Awaitable } from '@callboard/runtime';
import type { NotifyStore } from './store.ts';
import { inboxChecks } from './store-suite/inboxes.ts';
import { schedulingChecks } from './store-suite/scheduling.ts';
import { type Check, StoreStage } from './store-suite/stage.ts';
import { tellingChecks } from './store-suite/telling.ts';

/** `describe` and `test` of jest, vitest or `node:test`. */
export interface SuiteRunner {
  describe(name: string, body: () => void): unknown;
  test(name: string, body: () => Promise<void>): unknown;
}

/** A store under test: empty, and not yet opened. */
export interface StoreUnderTest {
  readonly store: NotifyStore;
  /** Another node's, on the same database. */
  readonly other: NotifyStore;
  /** Called after each test, when both are closed. */
  close?(): Awaitable<void>;
}

/** What every `NotifyStore` must do. `make` gives each test a store of its own. */
export function notifyStoreSuite(
  name: string,
  make: () => Awaitable<StoreUnderTest>,
  { describe, test }: SuiteRunner,
): void {
  const check: Check = (title, body) =>
    void test(title, async () => {
      const { store, other, close } = await make();
      try {
        await Promise.all([store.open(), other.open()]);
        await body(new StoreStage(store, other));
      } finally {
        await store.close();
        await other.close();
        await close?.();
      }
    });

  describe(`${name} is a notify store`, () => {
    for (const checks of [schedulingChecks, tellingChecks, inboxChecks]) checks(check);
  });
}
