import { SendFailed, type Server, type User } from '@callboard/core';
import type { Awaitable } from '@callboard/runtime';
import { bundles } from './bundles.ts';
import type { Item, Told } from './contract.ts';

/** A notice for a page of its recipients. */
export interface Telling extends Omit<Item, 'state' | 'alerted'> {
  readonly users: readonly string[];
}

/**
 * A way to tell people, besides the inbox that they have anyway: a port. It is asked at least once for each person and notice;
 * where it is asked again, after it threw or a node was lost, `id` is the same.
 */
export interface Way {
  readonly name: string;
  /** Until it counts as failed, in milliseconds. Default 60,000. */
  readonly timeoutMs?: number;
  /**
   * Called with what has come together since the last call was over: up to 100 notices for 2,000 people.
   * @throws where somebody may not have been told: all of these are tried again.
   */
  tell(tellings: readonly Telling[]): Awaitable<void>;
}

/** As they are by now; by default new. */
export type HereTelling = Telling & Partial<Pick<Item, 'state' | 'alerted'>>;

/** Items in one message. */
const MOST = 20;

/** Tells those who are connected, or about to come back: browsers, other clients, devices over MQTT. */
export function callboardWay(
  server: Server,
): Way & { tell(tellings: readonly HereTelling[]): Promise<void> } {
  return {
    name: 'callboard',
    async tell(tellings) {
      const sends: Promise<void>[] = [];
      for (const { users, items, alert } of messagesFor(tellings, server)) {
        for (const bundle of items.length === 1 ? [items] : bundles(items, MOST)) {
          const told: Told = { type: 'NOTIFICATION', items: bundle, ...(alert && { alert }) };
          sends.push(server.sendToUser(users, told).catch(unlessRefused));
        }
      }
      await Promise.all(sends);
    },
  };
}

/** What the application's own plugins hold back stays in the inbox. */
function unlessRefused(error: unknown): void {
  if (!(error instanceof SendFailed) || error.code !== 'REFUSED') throw error;
}

interface Message {
  readonly users: string[];
  readonly items: readonly Item[];
  readonly alert: string | undefined;
}

/** One message for all who have a single client and are told the same: it is encoded once. */
function messagesFor(tellings: readonly HereTelling[], server: Server): Iterable<Message> {
  const items = tellings.map(({ users, ...rest }): Item => ({ state: 'unread', alerted: false, ...rest }));
  const byUser = new Map<string, number[]>();
  for (const [i, { users }] of tellings.entries()) {
    for (const id of users) {
      if (!server.users.has(id)) continue;
      const told = byUser.get(id);
      if (told === undefined) byUser.set(id, [i]);
      else told.push(i);
    }
  }
  const messages = new Map<string, Message>();
  for (const [id, told] of byUser) {
    const alert = alerting(server.users.get(id) as User);
    const same = `${alert ?? ''} ${told.join()}`;
    const message = messages.get(same) ?? { users: [], items: told.map((i) => items[i] as Item), alert };
    messages.set(same, message);
    message.users.push(id);
  }
  return messages.values();
}

/** The client that is to alert: the one last active, where it has a connection. */
function alerting({ clients, activeClient }: User): string | undefined {
  if (clients.size === 1) return undefined;
  if (activeClient?.online) return activeClient.id;
  return [...clients].find(({ online }) => online)?.id ?? activeClient?.id;
}
