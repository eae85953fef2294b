import { GuardedObservable } from '@callboard/runtime';
import { Observable } from 'rxjs';
import type { Message } from './api.ts';
import type { Node } from './node.ts';
import type { Encoded } from './outbox.ts';
import type { Reader } from './streams/feed.ts';
import type { ServerUser } from './users.ts';

/** What reaches a user's inbox, or of that what is for one client: a reader like any other, made on subscription. */
export function messagesOf(node: Node, user: ServerUser, clientId: string | undefined): Observable<Message> {
  const read = (text: string): Message | undefined => {
    try {
      const frame = node.codec.decodeServer(text);
      if (frame.op !== 'message') return undefined;
      const { action, from } = frame;
      return from === undefined ? { action } : { action, from };
    } catch (cause) {
      // A foreign log gave what is no message: the other readers of this entry must not miss it.
      node.logger.error('an entry is no message', { user: user.id, cause });
      return undefined;
    }
  };
  const messages = new Observable<Message>((subscriber) => {
    const reader: Reader<Encoded> = {
      clientId: clientId ?? '',
      deliver(item) {
        const message = read(item.text);
        if (message !== undefined) subscriber.next(message);
      },
      skip() {},
      gap() {},
    };
    user.feed?.join(reader);
    return () => user.feed?.leave(reader);
  });
  return new GuardedObservable(messages, node.logger);
}
