import type { Logger, Timers } from '@callboard/runtime';
import type { Notice } from './client.ts';
import { type Item, maxListed } from './contract.ts';
import { forgetOldest } from './forget-oldest.ts';

export interface AlertsHost {
  readonly timers: Timers;
  readonly logger: Logger;
  /** As it is now; undefined where it is void, or gone. */
  item(id: string): Item | undefined;
  /** Which of these this page may alert of. */
  ask(ids: readonly string[], by: string): Promise<readonly string[]>;
}

/** Until a client that was not meant to alert asks whether it may: the one that was is gone, or frozen. */
const PATIENCE_MS = 3_000;
const RETRY_MS = 2_000;

/** Calls back once for each item, and finds out whether it is for this client to alert. */
export class Alerts {
  readonly #host: AlertsHost;
  /** This page, as the server knows it over all its sessions. */
  readonly #by = Array.from({ length: 4 }, () => Math.random().toString(36).slice(2, 12)).join('');
  readonly #callbacks = new Set<(notice: Notice) => void>();
  /** Items that were called back for, or that others alerted of before this page was there. */
  readonly #done = new Set<string>();
  /** To be asked for later, with the timer. */
  readonly #wanted = new Map<string, unknown>();
  /** Nobody knows yet whether it is this page that alerts of them. */
  readonly #asking = new Set<string>();
  /** Of those, the ones that the server was asked for. */
  readonly #sent = new Set<string>();
  #closed = false;

  constructor(host: AlertsHost) {
    this.#host = host;
  }

  on(callback: (notice: Notice) => void, items: Iterable<Item>): () => void {
    const first = this.#callbacks.size === 0;
    this.#callbacks.add(callback);
    if (first) for (const item of items) this.came(item, 'now');
    return () => void this.#callbacks.delete(callback);
  }

  /** Others alerted of them before. */
  known(items: readonly Item[]): void {
    for (const { id } of items) this.#done.add(id);
  }

  came({ id, alerted, state }: Item, when: 'now' | 'later'): void {
    if (this.#callbacks.size === 0 || this.#done.has(id)) return;
    if (alerted || state !== 'unread') {
      if (!this.#asking.has(id)) this.#call(id, false);
      return;
    }
    if (when === 'now') this.#askSoon(id);
    else if (!this.#wanted.has(id))
      this.#wanted.set(
        id,
        this.#host.timers.setTimeout(() => this.#askSoon(id), PATIENCE_MS),
      );
  }

  /** Some client of the person's has alerted. Where it is this one, the answer is on its way. */
  alerted(ids: readonly string[]): void {
    for (const id of ids) if (!this.#asking.has(id)) this.#call(id, false);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#wanted.values()) this.#host.timers.clearTimeout(timer);
  }

  #askSoon(id: string): void {
    const { timers } = this.#host;
    if (this.#closed || this.#asking.has(id) || this.#done.has(id)) return;
    timers.clearTimeout(this.#wanted.get(id));
    this.#wanted.delete(id);
    this.#asking.add(id);
    queueMicrotask(() => {
      const fresh = [...this.#asking].filter((each) => !this.#sent.has(each));
      for (let i = 0; i < fresh.length; i += maxListed) void this.#ask(fresh.slice(i, i + maxListed));
    });
  }

  async #ask(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#sent.add(id);
    const answered = () => {
      for (const id of ids) {
        this.#sent.delete(id);
        this.#asking.delete(id);
      }
    };
    let granted: readonly string[];
    try {
      granted = await this.#host.ask(ids, this.#by);
    } catch {
      if (this.#closed) return;
      // The connection was lost, or the store is gone. The same page may ask again, and it may be this one that is said to have alerted.
      this.#host.timers.setTimeout(() => {
        answered();
        for (const id of ids) if (this.#host.item(id) !== undefined) this.#askSoon(id);
      }, RETRY_MS);
      return;
    }
    answered();
    if (this.#closed) return;
    for (const id of ids) {
      const item = this.#host.item(id);
      if (granted.includes(id)) this.#call(id, true);
      else if (item?.alerted || (item !== undefined && item.state !== 'unread')) this.#call(id, false);
    }
  }

  #call(id: string, alert: boolean): void {
    const { timers, item: find, logger } = this.#host;
    timers.clearTimeout(this.#wanted.get(id));
    this.#wanted.delete(id);
    const item = find(id);
    if (item === undefined || this.#done.has(id) || this.#callbacks.size === 0) return;
    this.#done.add(id);
    forgetOldest(this.#done);
    for (const callback of [...this.#callbacks]) {
      try {
        callback({ ...item, alert });
      } catch (cause) {
        logger.error('a callback for notifications failed', { cause });
      }
    }
  }
}
