import type { ServerFrame } from '@callboard/protocol';
import { GuardedObservable } from '@callboard/runtime';
import { Observable } from 'rxjs';
import type { Message } from './api.ts';
import type { Node } from './node.ts';
import type { Encoded } from './outbox.ts';
import type { Reader } from './streams/feed.ts';
import type { ServerUser } from './users.ts';

/** What reaches a user's inbox, or of that what is for one client: a reader like any other, made on subscription. */
export function messagesOf(node: Node, user: ServerUser, clientId: string | undefined): Observable<Message> {
  const messages = new Observable<Message>((subscriber) => {
    const reader: Reader<Encoded> = {
      clientId: clientId ?? '',
      deliver(item) {
        const frame = decoded(node, 'message', item.text);
        if (frame === undefined) return;
        const { action, from } = frame;
        subscriber.next(from === undefined ? { action } : { action, from });
      },
      skip() {},
      gap() {},
    };
    user.feed?.join(reader);
    return () => user.feed?.leave(reader);
  });
  return new GuardedObservable(messages, node.logger);
}

/** An entry's frame, for the server's own readers. */
export function decoded<Op extends ServerFrame['op']>(
  node: Node,
  op: Op,
  text: string,
): Extract<ServerFrame, { op: Op }> | undefined {
  try {
    const frame = node.codec.decodeServer(text);
    return frame.op === op ? (frame as Extract<ServerFrame, { op: Op }>) : undefined;
  } catch (cause) {
    // A foreign log gave what is none: the other readers of this entry must not miss it.
    node.logger.error(`an entry is no ${op}`, { cause });
    return undefined;
  }
}
