import { clientFrame, fromWire, isChannel, type PublicationFrame, RequestRefused } from '@callboard/protocol';
import { GuardedObservable, whenReady } from '@callboard/runtime';
import { Observable } from 'rxjs';
import type { Channel, HistoryPage, Publication, PublishOptions } from '../api.ts';
import { decoded } from '../messages.ts';
import type { Node } from '../node.ts';
import type { Reader } from '../streams/feed.ts';
import type { Publication as Item } from './channel.ts';
import type { PublicationDraft } from './channels.ts';
import { anybody, pageOf, readHistory } from './history.ts';

/** What application code sees of a channel. @throws TypeError where the name is none. */
export function channelOf<Data>(node: Node, name: string): Channel<Data> {
  if (!isChannel(name)) throw new TypeError(`not a channel: ${String(name)}`);
  return {
    name,
    get subscribers() {
      return node.channels.byName.get(name)?.subscribers ?? nobody;
    },
    publications$: publicationsOf<Data>(node, name),
    async history({ before, limit } = {}): Promise<HistoryPage<Data>> {
      const request = {
        channel: name,
        ...(before !== undefined && { before }),
        ...(limit !== undefined && { limit }),
      };
      assertFrame({ op: 'history', ...request });
      const { entries, position, before: next } = pageOf(await readHistory(node, request), anybody);
      const publications = entries.flatMap(({ offset, body }) => {
        const at = { epoch: position.epoch, offset };
        const frame = decoded(node, 'publication', node.codec.publication(name, at, body));
        return frame === undefined ? [] : [publicationOf<Data>(frame)];
      });
      return { publications, position, before: next };
    },
    forgetLast() {
      node.channels.forgetLast(name);
    },
  };
}

const nobody: ReadonlySet<never> = new Set();

/** What application code wants to publish. @throws TypeError where the name is no channel's, or an option is none. */
export function draftOf(
  channel: string,
  data: unknown,
  options: PublishOptions | undefined,
): PublicationDraft {
  if (!isChannel(channel)) throw new TypeError(`not a channel: ${String(channel)}`);
  if (options === undefined) return { channel, data };
  const { meta, version, key, exclude } = options;
  if (exclude !== undefined && typeof exclude !== 'string') throw new TypeError('exclude is no client id');
  const fields = {
    ...(meta !== undefined && { meta }),
    ...(version !== undefined && { version }),
    ...(key !== undefined && { key }),
  };
  assertFrame({ op: 'publish', channel, data: null, ...fields });
  return { channel, data, ...fields, ...(exclude !== undefined && { exclude }) };
}

/** What clients may say the server's own code may say. @throws TypeError where it is not well formed. */
function assertFrame(fields: object): void {
  try {
    clientFrame({ mid: 1, ...fields });
  } catch (cause) {
    throw new TypeError(cause instanceof RequestRefused ? cause.message : String(cause), { cause });
  }
}

/** A reader like any other, made on subscription, for as long as that lasts. */
function publicationsOf<Data>(node: Node, name: string): Observable<Publication<Data>> {
  const { channels, logger } = node;
  const publications = new Observable<Publication<Data>>((subscriber) => {
    const channel = channels.pin(name);
    const reader: Reader<Item> = {
      clientId: '',
      deliver(item) {
        const frame = decoded(node, 'publication', item.text);
        if (frame !== undefined) subscriber.next(publicationOf(frame));
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

function publicationOf<Data>({ op: _, epoch, offset, data, ...rest }: PublicationFrame): Publication<Data> {
  return { ...rest, position: { epoch, offset }, data: fromWire(data) as Data };
}
