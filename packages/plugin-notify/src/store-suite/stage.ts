import assert from 'node:assert/strict';
import { noticesOf } from '../notices.ts';
import type { Claimed, Notification, NotifyStore, Step } from '../store.ts';

export type Check = (title: string, body: (stage: StoreStage) => Promise<void>) => void;

export const now = Date.UTC(2026, 0, 1);
export const keysOf = (claimed: readonly Claimed[]) => claimed.map(({ notification }) => notification.key);
export const entry = (claimed: Claimed | undefined, users: readonly string[]) => ({
  id: claimed?.id as string,
  lease: claimed?.lease as string,
  users,
});
type Kind<S> = S extends unknown ? Omit<S, 'id' | 'lease'> : never;

export class StoreStage {
  readonly store: NotifyStore;
  readonly other: NotifyStore;
  #leases = 0;

  constructor(store: NotifyStore, other: NotifyStore) {
    this.store = store;
    this.other = other;
  }

  notification(key: string, more: Partial<Notification> = {}): Notification {
    const basis = { key, at: now + 1_000, action: { type: 'A' }, to: { users: ['44'] }, leadTimesMs: [0] };
    const rest = { expiresAt: now + 86_400_000, withinMs: null, asked: 'a', state: 'scheduled' as const };
    return { ...basis, ...rest, version: 1, round: 1, ...more };
  }

  schedule(key: string, more: Partial<Notification> = {}) {
    const notification = this.notification(key, more);
    return this.store.create(notification, noticesOf(notification, 1, now), now);
  }

  /** A notice that was told to these people; gives its id. */
  async told(key: string, users: readonly string[], more: Partial<Notification> = {}): Promise<string> {
    await this.schedule(key, { at: now, ...more });
    const [claimed] = await this.claim(now);
    await this.enter(claimed, users);
    await this.settle(claimed, { kind: 'told' });
    return claimed?.id as string;
  }

  claim(at: number, { lease = `lease ${++this.#leases}`, until = at + 60_000, limit = 10 } = {}) {
    return this.store.claim({ lease, now: at, until, limit });
  }

  enter(claimed: Claimed | undefined, users: readonly string[]) {
    return this.other.enter([entry(claimed, users)]);
  }

  settle(claimed: Claimed | undefined, step: Kind<Step>) {
    return this.store.settle([{ id: claimed?.id, lease: claimed?.lease, ...step } as Step], now);
  }

  inbox(user: string) {
    return this.store.inbox(user, { now, limit: 10 });
  }

  holders(key = 'k') {
    return this.store.holders(key, { after: '', limit: 10 });
  }

  async move(key: string, more: Partial<Notification>, byOther = false): Promise<boolean> {
    const notification = this.notification(key, { version: 2, round: 2, ...more });
    const was = await this.store.get(key);
    const merged = { ...notification, leadTimesMs: was?.leadTimesMs ?? [0] };
    const store = byOther ? this.other : this.store;
    return store.replace(1, { notification: merged, notices: noticesOf(merged, 2, now) }, now);
  }

  async edit(key: string, more: Partial<Notification>): Promise<void> {
    const was = (await this.store.get(key)) as Notification;
    const notification = { ...was, ...more, version: was.version + 1 };
    assert.equal(await this.other.replace(was.version, { notification, notices: [] }, now), true);
  }
}
