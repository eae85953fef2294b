import { isChannel } from '@callboard/protocol';
import { GuardedObservable, whenReady } from '@callboard/runtime';
import { Observable } from 'rxjs';
import type { Channel, Publication } from '../api.ts';
import { decoded } from '../messages.ts';
import type { Node } from '../node.ts';
import type { Reader } from '../streams/feed.ts';
import type { Publication as Item } from './channel.ts';

/** What application code sees of a channel. @throws TypeError where the name is none. */
export function channelOf(node: Node, name: string): Channel {
  if (!isChannel(name)) throw new TypeError(`not a channel: ${String(name)}`);
  return {
    name,
    get subscribers() {
      return node.channels.byName.get(name)?.subscribers ?? nobody;
    },
    publications$: publicationsOf(node, name),
  };
}

const nobody: ReadonlySet<never> = new Set();

/** A reader like any other, made on subscription, for as long as that lasts. */
function publicationsOf(node: Node, name: string): Observable<Publication> {
  const { channels, logger } = node;
  const publications = new Observable<Publication>((subscriber) => {
    const channel = channels.pin(name);
    const reader: Reader<Item> = {
      clientId: '',
      deliver(item) {
        const frame = decoded(node, 'publication', item.text);
        if (frame === undefined) return;
        const { op: _, ...publication } = frame;
        subscriber.next(publication);
      },
      skip() {},
      gap() {},
    };
    whenReady(
      () => channel.ready,
      (feed) => {
        if (!subscriber.closed) feed.join(reader);
      },
      (cause) => subscriber.error(cause),
    );
    return () => {
      channel.feed?.leave(reader);
      channels.unpin(channel);
    };
  });
  return new GuardedObservable(publications, logger);
}
