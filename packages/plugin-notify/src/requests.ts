import type { HandlerContext, PluginContext } from '@callboard/core';
import { ReplyError } from '@callboard/protocol';
import { bundles } from './bundles.ts';
import { askAlert, type Changed, type Inbox, mark, maxListed } from './contract.ts';
import { isStorable } from './storable.ts';
import type { NotifyStore } from './store.ts';
import { StoreGone, type StoreLine } from './store-line.ts';

/** Answers what clients ask about their own inbox. */
export function answerClients({ handle, clock, server, logger }: PluginContext, line: StoreLine): void {
  /** One after the other for each user: nobody has more of the database than that, however much their clients ask. */
  const last = new Map<string, Promise<unknown>>();
  const inTurn = <T>(userId: string, work: () => Promise<T>): Promise<T> => {
    const mine = (last.get(userId) ?? Promise.resolve()).then(work, work);
    last.set(userId, mine);
    const settled = () => {
      if (last.get(userId) === mine) last.delete(userId);
    };
    mine.then(settled, settled);
    return mine;
  };
  const inStore = async <T>(work: (store: NotifyStore) => Promise<T>): Promise<T> => {
    try {
      return await line.call(work);
    } catch (cause) {
      if (cause instanceof StoreGone) throw new ReplyError('UNAVAILABLE', { cause, retryAfterMs: 1_000 });
      throw cause;
    }
  };
  /** To all clients of the user: they are equal then. That it cannot be sent does not undo it. */
  const tell = async (userId: string, changed: Changed) => {
    if (changed.ids.length === 0) return;
    try {
      await server.sendToUser(userId, changed);
    } catch (cause) {
      logger.error('clients were not told of a change', { user: userId, cause });
    }
  };
  /** Nobody whose id the stores do not take has been told anything. */
  const answer =
    <T>(otherwise: T, ask: (context: HandlerContext, userId: string) => Promise<T>) =>
    (context: HandlerContext) =>
      isStorable(context.user.id) ? inTurn(context.user.id, () => ask(context, context.user.id)) : otherwise;

  const nothing: Inbox = { items: [], unread: 0 };
  handle(
    'NOTIFY_INBOX',
    answer(nothing, async (_, userId) => {
      const wanted = { now: clock.now(), limit: maxListed };
      const { items, unread } = await inStore((store) => store.inbox(userId, wanted));
      return { items: bundles(items, maxListed)[0] ?? [], unread };
    }),
  );
  handle(
    'NOTIFY_ALERT',
    answer<readonly string[]>([], async ({ action }, userId) => {
      const { ids, by } = askAlert(action);
      const granted = await inStore((store) => store.alert(userId, ids, by, clock.now()));
      await tell(userId, { type: 'NOTIFICATION_CHANGED', ids: granted, alerted: true });
      return granted;
    }),
  );
  handle(
    'NOTIFY_MARK',
    answer<readonly string[]>([], async ({ action }, userId) => {
      const { ids, state } = mark(action);
      const moved = await inStore((store) => store.mark(userId, ids, state));
      await tell(userId, { type: 'NOTIFICATION_CHANGED', ids: moved, state });
      return moved;
    }),
  );
}
