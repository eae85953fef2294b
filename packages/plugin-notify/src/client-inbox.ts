import type { ClientPluginContext } from '@callboard/client';
import { INBOX } from '@callboard/client';
import { GuardedObservable } from '@callboard/runtime';
import { BehaviorSubject, filter, type Observable } from 'rxjs';
import { Alerts } from './alerts.ts';
import type { ClientNotifications, Notice } from './client.ts';
import {
  type Changed,
  type FromServer,
  fromServer,
  type Inbox,
  type Item,
  type Mark,
  maxListed,
  type Revised,
} from './contract.ts';
import { forgetOldest } from './forget-oldest.ts';

/** Node's timers, and those of browsers, cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const RETRY_MS = 2_000;
/** More than are listed: a burst is called back for, too. */
const MOST_HELD = 2_000;

/** What the server has for this client's user: asked when a connection comes about, and kept up by what it tells since. */
export class ClientInbox implements ClientNotifications {
  readonly items$: Observable<readonly Item[]>;
  readonly unread$: Observable<number>;
  readonly #context: ClientPluginContext;
  readonly #alerts: Alerts;
  readonly #items = new Map<string, Item>();
  readonly #shown = new BehaviorSubject<readonly Item[]>([]);
  readonly #unread = new BehaviorSubject(0);
  /** Unread items that are too old to be listed. */
  #unlisted = 0;
  /** Below which round a notification's items are void. */
  readonly #rounds = new Map<string, number>();
  /** What was told since the inbox was asked for; undefined while it is not. */
  #since: FromServer[] | undefined;
  readonly #first: Promise<void>;
  #begun!: () => void;
  #fresh = true;
  #expiry: unknown;
  #closed = false;

  constructor(context: ClientPluginContext) {
    const { client, logger, timers } = context;
    this.#context = context;
    this.#first = new Promise((resolve) => {
      this.#begun = resolve;
    });
    this.items$ = new GuardedObservable(this.#shown, logger);
    this.unread$ = new GuardedObservable(this.#unread, logger);
    this.#alerts = new Alerts({
      ...{ timers, logger },
      item: (id) => this.#items.get(id),
      ask: async (ids, by) =>
        (await client.sendToServer<readonly string[]>({ type: 'NOTIFY_ALERT', ids, by }, { resend: true })) ??
        [],
    });
    context.incoming(
      filter((incoming) => {
        // What another client sent cannot be the server's word.
        const told =
          incoming.kind === 'message' && incoming.from === undefined
            ? fromServer(incoming.action)
            : undefined;
        if (told !== undefined) this.#told(told);
        return told === undefined;
      }),
    );
    client.connected$.subscribe(({ resumed }) => {
      if (!resumed) void this.#ask();
    });
    client.gaps$.subscribe(({ stream }) => {
      if (stream === INBOX) void this.#ask();
    });
    context.onClose(() => {
      this.#closed = true;
      timers.clearTimeout(this.#expiry);
      this.#alerts.close();
      this.#begun();
      this.#shown.complete();
      this.#unread.complete();
    });
  }

  async list(): Promise<readonly Item[]> {
    await this.#first;
    return this.#shown.value;
  }

  markRead(ids: string | readonly string[]): Promise<void> {
    return this.#mark(ids, 'read');
  }

  dismiss(ids: string | readonly string[]): Promise<void> {
    return this.#mark(ids, 'dismissed');
  }

  on(callback: (notice: Notice) => void): () => void {
    return this.#alerts.on(callback, this.#items.values());
  }

  async #mark(ids: string | readonly string[], state: Mark['state']): Promise<void> {
    const named = typeof ids === 'string' ? [ids] : ids;
    if (named.length === 0) return;
    const moved = await this.#context.client.sendToServer<readonly string[]>({
      type: 'NOTIFY_MARK',
      ids: named,
      state,
    });
    this.#told({ type: 'NOTIFICATION_CHANGED', ids: moved ?? [], state });
  }

  async #ask(): Promise<void> {
    const { client, timers, logger } = this.#context;
    this.#since = [];
    try {
      const inbox = await client.sendToServer<Inbox>({ type: 'NOTIFY_INBOX' }, { resend: true });
      if (!this.#closed) this.#begin(inbox);
    } catch (cause) {
      // Another connection asks anew; a store that is gone comes back.
      if (this.#closed || !client.isConnected()) return;
      logger.warn('the server did not say what is in the inbox', { cause });
      timers.setTimeout(() => this.#closed || !client.isConnected() || void this.#ask(), RETRY_MS);
    }
  }

  /** The server has said what there is; what it told meanwhile may be newer than that. */
  #begin({ items, unread }: Inbox): void {
    this.#items.clear();
    for (const item of items) if (!this.#isVoid(item)) this.#items.set(item.id, item);
    this.#unlisted = Math.max(0, unread - items.filter(({ state }) => state === 'unread').length);
    const since = this.#since ?? [];
    this.#since = undefined;
    if (this.#fresh) this.#alerts.known(items.filter(({ alerted }) => alerted));
    this.#fresh = false;
    for (const told of since) this.#apply(told);
    this.#changed();
    for (const item of this.#items.values()) this.#alerts.came(item, 'now');
    this.#begun();
  }

  #told(told: FromServer): void {
    this.#since?.push(told);
    this.#apply(told);
    this.#changed();
    if (told.type === 'NOTIFICATION') {
      const mine = told.alert === undefined || told.alert === this.#context.client.id;
      for (const { id } of told.items) {
        const item = this.#items.get(id);
        if (item !== undefined) this.#alerts.came(item, mine ? 'now' : 'later');
      }
    } else if (told.type === 'NOTIFICATION_CHANGED' && told.alerted) {
      this.#alerts.alerted(told.ids);
    }
  }

  #apply(told: FromServer): void {
    switch (told.type) {
      case 'NOTIFICATION':
        for (const item of told.items)
          if (!this.#items.has(item.id) && !this.#isVoid(item)) this.#items.set(item.id, item);
        return;
      case 'NOTIFICATION_CHANGED':
        return this.#change(told);
      case 'NOTIFICATION_REVISED':
        return this.#revise(told);
    }
  }

  #change({ ids, state, alerted }: Changed): void {
    for (const id of ids) {
      const item = this.#items.get(id);
      if (item === undefined) continue;
      if (state === 'dismissed') this.#items.delete(id);
      else this.#items.set(id, { ...item, ...(state && { state }), ...(alerted && { alerted }) });
    }
  }

  #revise({ key, round, action, at, expiresAt }: Revised): void {
    this.#rounds.delete(key);
    this.#rounds.set(key, round);
    forgetOldest(this.#rounds);
    for (const [id, item] of this.#items) {
      if (item.key !== key) continue;
      if (item.round < round) this.#items.delete(id);
      else this.#items.set(id, { ...item, action, at, expiresAt });
    }
  }

  #isVoid({ key, round, expiresAt }: Item): boolean {
    return round < (this.#rounds.get(key) ?? 0) || expiresAt <= this.#context.timers.now();
  }

  #changed(): void {
    const items = [...this.#items.values()].sort((a, b) => b.dueAt - a.dueAt);
    for (const { id, state } of items.splice(MOST_HELD)) {
      this.#items.delete(id);
      if (state === 'unread') this.#unlisted++;
    }
    const unread = this.#unlisted + items.filter(({ state }) => state === 'unread').length;
    this.#shown.next(items.slice(0, maxListed));
    if (unread !== this.#unread.value) this.#unread.next(unread);
    this.#expire(items);
  }

  /** Takes away what expires, when it does. */
  #expire(items: readonly Item[]): void {
    const { timers } = this.#context;
    timers.clearTimeout(this.#expiry);
    if (items.length === 0) return;
    const next = Math.min(...items.map(({ expiresAt }) => expiresAt)) - timers.now();
    this.#expiry = timers.setTimeout(
      () => {
        for (const [id, item] of this.#items) if (item.expiresAt <= timers.now()) this.#items.delete(id);
        this.#changed();
      },
      Math.min(Math.max(next, 1), LONGEST_TIMER_MS),
    );
  }
}
