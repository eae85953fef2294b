import type { GatewayPublication } from '@callboard/core';
import {
  type MqttSessionStore,
  messageOf,
  type SessionRecord,
  type StoredDelivery,
  type StoredMessage,
} from './store.ts';

interface Item {
  readonly clientId: string;
  readonly message: StoredMessage;
  readonly delivery: StoredDelivery;
  messageId: number | undefined;
  received: boolean;
}

/** Sessions outlive the server, but not the process. */
export function memorySessionStore(): MqttSessionStore {
  const records = new Map<string, SessionRecord>();
  const items = new Set<Item>();
  const messages = new WeakMap<GatewayPublication, StoredMessage>();
  return {
    open: () =>
      [...records.values()].map((record) => ({
        record,
        waiting: [...items]
          .filter(({ clientId }) => clientId === record.clientId)
          .map((item) => ({ ...item, waiting: item })),
      })),
    save: (record) => void records.set(record.clientId, record),
    remove: (clientId) => void records.delete(clientId),
    add(clientId, publication, delivery) {
      const message = messages.get(publication) ?? messageOf(publication);
      messages.set(publication, message);
      const item: Item = { clientId, message, delivery, messageId: undefined, received: false };
      items.add(item);
      return item;
    },
    sent(waiting, messageId) {
      (waiting as Item).messageId = messageId;
    },
    received(waiting) {
      (waiting as Item).received = true;
    },
    done: (waiting) => void items.delete(waiting as Item),
    committed: () => undefined,
    close() {},
  };
}
