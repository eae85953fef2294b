import { ReplyError, type SubscribeFrame, type UnsubscribeFrame } from '@callboard/protocol';
import type { ServerClient } from '../client.ts';
import type { Node } from '../node.ts';

/** `subscribe`: the client wants these native events. */
export function subscribe({ events }: Node, client: ServerClient, frame: SubscribeFrame): void {
  const unknown = frame.events.find((type) => !events.has(type));
  if (unknown !== undefined) {
    throw new ReplyError('UNKNOWN_EVENT', { message: `There is no native event ${unknown}.` });
  }
  client.events ??= new Set();
  for (const type of frame.events) client.events.add(type);
}

/** `unsubscribe`: it no longer does. */
export function unsubscribe(client: ServerClient, frame: UnsubscribeFrame): void {
  for (const type of frame.events) client.events?.delete(type);
}
