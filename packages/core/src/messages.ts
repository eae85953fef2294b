import { Observable } from 'rxjs';
import type { Message } from './api.ts';
import type { Node } from './node.ts';
import { GuardedObservable } from './observables.ts';
import type { Encoded } from './outbox.ts';
import type { Reader } from './streams/feed.ts';
import type { ServerUser } from './users.ts';

/** What reaches a user's inbox, or of that what is for one client: a reader like any other, made on subscription. */
export function messagesOf(node: Node, user: ServerUser, clientId: string | undefined): Observable<Message> {
  const messages = new Observable<Message>((subscriber) => {
    const reader: Reader<Encoded> = {
      clientId: clientId ?? '',
      deliver(item) {
        const frame = node.codec.decodeServer(item.text);
        if (frame.op !== 'message') return;
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
