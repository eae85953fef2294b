import type { ClientNotifications, Item } from '@callboard/plugin-notify/client';
import { Store } from '../store.ts';

export interface NoticesView {
  /** What is not dismissed, the newest first. */
  readonly items: readonly Item[];
  readonly unread: number;
  /** What this tab is to show at once, the latest last. */
  readonly toasts: readonly Item[];
}

const MOST_TOASTS = 3;

/** What this person is told of, equal in all their tabs; and, in one of them, at once. */
export class Notices extends Store<NoticesView> {
  readonly #notify: ClientNotifications;

  /** @param told something fell due, and this is the tab that is to say so */
  constructor(notify: ClientNotifications, told: (item: Item) => void) {
    super({ items: [], unread: 0, toasts: [] });
    this.#notify = notify;
    notify.items$.subscribe((items) => {
      const shown = new Map(items.map((item) => [item.id, item]));
      // What was read in another tab, moved or cancelled need not be said here any more.
      const toasts = this.get().toasts.flatMap(({ id }) => {
        const item = shown.get(id);
        return item?.state === 'unread' ? [item] : [];
      });
      this.set({ ...this.get(), items, toasts });
    });
    notify.unread$.subscribe((unread) => this.set({ ...this.get(), unread }));
    notify.on(({ alert, ...item }) => {
      if (!alert) return;
      this.set({ ...this.get(), toasts: [...this.get().toasts, item].slice(-MOST_TOASTS) });
      told(item);
    });
  }

  /** Where that fails, they stay unread: the line says why. */
  read(ids: readonly string[]): void {
    this.#notify.markRead(ids).catch(() => {});
  }

  readAll(): void {
    this.read(this.get().items.flatMap(({ id, state }) => (state === 'unread' ? [id] : [])));
  }

  dismiss(id: string): void {
    this.#notify.dismiss(id).catch(() => {});
  }

  /** Takes it from the screen, and no more. */
  hush(gone: string): void {
    this.set({ ...this.get(), toasts: this.get().toasts.filter(({ id }) => id !== gone) });
  }
}

/** What a notification says, where it is one of the callboard's. */
export function eventSoonIn({
  action,
}: Item): { event: string; headline: string; place: string } | undefined {
  const { type, event, headline, place } = action;
  if (type !== 'EVENT_SOON') return undefined;
  return { event: String(event), headline: String(headline), place: String(place) };
}
