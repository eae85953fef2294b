import { type Item, type ItemState, itemStates } from './contract.ts';
import type {
  Claim,
  Claimed,
  Entry,
  ListOptions,
  Notice,
  NoticeRecord,
  NoticeState,
  Notification,
  NotifyStore,
  Replacement,
  Since,
  Step,
  ToldTo,
} from './store.ts';

interface Row extends Notice {
  readonly key: string;
  readonly round: number;
  state: NoticeState;
  /** When it may be claimed: its time, the end of its lease, or of its backoff. */
  wakeAt: number;
  lease: string | undefined;
  cursor: string | undefined;
  begun: boolean;
  attempts: number;
  why: string | undefined;
  settledAt: number | undefined;
}
interface Held {
  state: ItemState;
  by: string | undefined;
}

/** Keeps notifications for as long as the process lives: for tests. Several servers may share one. */
export function memoryStore(): NotifyStore {
  return new MemoryStore();
}

class MemoryStore implements NotifyStore {
  readonly #notifications = new Map<string, Notification>();
  readonly #notices = new Map<string, Row>();
  /** By notice, then by person. */
  readonly #items = new Map<string, Map<string, Held>>();

  open(): void {}
  close(): void {}

  async create(notification: Notification, notices: readonly Notice[]) {
    const there = this.#notifications.get(notification.key);
    if (there !== undefined) return { created: false, notification: there };
    this.#notifications.set(notification.key, notification);
    this.#add(notification, notices);
    return { created: true, notification };
  }

  async get(key: string): Promise<Notification | undefined> {
    return this.#notifications.get(key);
  }

  async replace(version: number, { notification, notices }: Replacement, now: number): Promise<boolean> {
    const { key, round, state } = notification;
    if (this.#notifications.get(key)?.version !== version) return false;
    this.#notifications.set(key, notification);
    for (const row of this.#of(key)) {
      if (row.state !== 'waiting') continue;
      row.lease = undefined;
      row.cursor = undefined;
      row.attempts = 0;
      row.wakeAt = row.dueAt;
      if (row.round === round) continue;
      row.state = state === 'cancelled' ? 'cancelled' : 'moved';
      row.settledAt = now;
    }
    this.#add(notification, notices);
    return true;
  }

  async list({ after = '', limit }: Required<ListOptions>): Promise<readonly Notification[]> {
    const sorted = [...this.#notifications.values()].sort(by(({ key }) => key));
    return sorted.filter(({ key }) => key > after).slice(0, limit);
  }

  async history(key: string): Promise<readonly NoticeRecord[]> {
    return this.#of(key)
      .sort(by(({ dueAt }) => dueAt))
      .map(({ id, leadMs, dueAt, round, state, why, attempts, settledAt }) => {
        const held = [...(this.#items.get(id)?.values() ?? [])];
        const people = {
          told: held.length,
          alerted: held.filter((item) => item.by !== undefined).length,
          read: held.filter((item) => item.state !== 'unread').length,
        };
        return { id, leadMs, dueAt, round, state, why, attempts, settledAt, people };
      });
  }

  async claim({ lease, now, until, limit }: Claim): Promise<readonly Claimed[]> {
    const due = [...this.#notices.values()]
      .filter(({ state, wakeAt }) => state === 'waiting' && wakeAt <= now)
      .sort(by(({ wakeAt }) => wakeAt))
      .slice(0, limit);
    return due.map((row) => {
      row.lease = lease;
      row.wakeAt = until;
      const { id, key, round, leadMs, dueAt, cursor, begun, attempts } = row;
      const superseded = this.#of(key).some(
        (other) => other.round === round && other.leadMs < leadMs && other.dueAt <= now,
      );
      const notification = this.#notifications.get(key) as Notification;
      return { id, leadMs, dueAt, notification, lease, cursor, begun, attempts, superseded };
    });
  }

  async nextAt(): Promise<number | undefined> {
    let next: number | undefined;
    for (const { state, wakeAt } of this.#notices.values())
      if (state === 'waiting' && (next === undefined || wakeAt < next)) next = wakeAt;
    return next;
  }

  async enter(entries: readonly Entry[]): Promise<readonly boolean[]> {
    return entries.map(({ id, lease, users }) => {
      const row = this.#leased(id, lease);
      if (row === undefined) return false;
      row.begun = true;
      const items = this.#items.get(id) ?? new Map<string, Held>();
      this.#items.set(id, items);
      for (const user of users) if (!items.has(user)) items.set(user, { state: 'unread', by: undefined });
      return true;
    });
  }

  async settle(steps: readonly Step[], now: number): Promise<readonly boolean[]> {
    return steps.map((step) => {
      const row = this.#leased(step.id, step.lease);
      if (row !== undefined) take(row, step, now);
      return row !== undefined;
    });
  }

  async inbox(userId: string, { now, limit }: { now: number; limit: number }) {
    const items = [...this.#items.keys()]
      .map((id) => this.#item(userId, id, now))
      .filter((item) => item !== undefined)
      .sort(by(({ dueAt }) => -dueAt));
    return {
      items: items.slice(0, limit),
      unread: items.filter(({ state }) => state === 'unread').length,
    };
  }

  async toldSince(users: readonly string[], { since, after, now, limit }: Since) {
    return [...this.#notices.values()]
      .map(({ id, state, settledAt = 0 }) => ({ id, state, toldAt: settledAt }))
      .filter(({ state }) => state === 'told')
      .filter(({ id, toldAt }) => toldAt > since || (toldAt === since && id > after))
      .sort(by(({ id }) => id))
      .sort(by(({ toldAt }) => toldAt))
      .flatMap(({ id, toldAt }) =>
        users.map((userId) => ({ userId, toldAt, item: this.#item(userId, id, now) })),
      )
      .filter((found): found is ToldTo => found.item !== undefined)
      .slice(0, limit);
  }

  async alert(userId: string, ids: readonly string[], claimant: string, now: number): Promise<string[]> {
    return ids.filter((id) => {
      const item = this.#items.get(id)?.get(userId);
      if (item?.state !== 'unread' || this.#current(id, now) === undefined) return false;
      item.by ??= claimant;
      return item.by === claimant;
    });
  }

  async mark(userId: string, ids: readonly string[], state: ItemState): Promise<string[]> {
    return ids.filter((id) => {
      const item = this.#items.get(id)?.get(userId);
      if (item === undefined || itemStates.indexOf(item.state) >= itemStates.indexOf(state)) return false;
      item.state = state;
      return true;
    });
  }

  async holders(key: string, { after, limit }: { after: string; limit: number }): Promise<string[]> {
    const users = new Set(this.#of(key).flatMap(({ id }) => [...(this.#items.get(id)?.keys() ?? [])]));
    return [...users]
      .filter((user) => user > after)
      .sort()
      .slice(0, limit);
  }

  async prune(before: number, limit: number): Promise<number> {
    let rows = 0;
    for (const { key, expiresAt } of this.#notifications.values()) {
      if (expiresAt >= before) continue;
      for (const { id } of this.#of(key)) {
        const items = this.#items.get(id);
        for (const user of items?.keys() ?? []) {
          if (rows++ === limit) return limit;
          items?.delete(user);
        }
        this.#notices.delete(id);
        this.#items.delete(id);
        rows++;
      }
      this.#notifications.delete(key);
      if (++rows >= limit) break;
    }
    return rows;
  }

  #add({ key, round }: Notification, notices: readonly Notice[]): void {
    for (const notice of notices)
      this.#notices.set(notice.id, { ...fresh, ...notice, key, round, wakeAt: notice.dueAt });
  }

  #of(key: string): Row[] {
    return [...this.#notices.values()].filter((row) => row.key === key);
  }

  #leased(id: string, lease: string): Row | undefined {
    const row = this.#notices.get(id);
    return row?.state === 'waiting' && row.lease === lease ? row : undefined;
  }

  /** Where it is neither void nor dismissed. */
  #item(userId: string, id: string, now: number): Item | undefined {
    const item = this.#items.get(id)?.get(userId);
    const of = item?.state === 'dismissed' ? undefined : this.#current(id, now);
    if (item === undefined || of === undefined) return undefined;
    const { key, round, action, at, expiresAt } = of.notification;
    const { leadMs, dueAt } = of.row;
    const alerted = item.by !== undefined;
    return { id, key, round, action, at, leadMs, dueAt, expiresAt, state: item.state, alerted };
  }

  /** Where an item of this notice is not void. */
  #current(id: string, now: number) {
    const row = this.#notices.get(id);
    const notification = row && this.#notifications.get(row.key);
    if (notification?.state !== 'scheduled' || notification.round !== row?.round) return undefined;
    return notification.expiresAt > now ? { row, notification } : undefined;
  }
}

const fresh = {
  state: 'waiting',
  lease: undefined,
  cursor: undefined,
  begun: false,
  attempts: 0,
  why: undefined,
  settledAt: undefined,
} as const;

function take(row: Row, step: Step, now: number): void {
  switch (step.kind) {
    case 'hold':
      row.wakeAt = step.until;
      return;
    case 'page':
      row.cursor = step.cursor;
      row.wakeAt = step.until;
      row.attempts = 0;
      return;
    case 'retry':
      row.attempts++;
      row.why = step.why;
      row.wakeAt = step.at;
      break;
    case 'release':
      row.wakeAt = row.dueAt;
      break;
    default:
      row.state = step.kind;
      row.settledAt = now;
      if (step.kind === 'skipped') row.why = step.why;
  }
  row.lease = undefined;
}

function by<T>(rank: (value: T) => number | string): (a: T, b: T) => number {
  return (a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0);
}
