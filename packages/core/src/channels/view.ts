import {
  clientFrame,
  fromWire,
  isChannel,
  isFilter,
  type PublicationFrame,
  RequestRefused,
} from '@callboard/protocol';
import { GuardedObservable, whenReady } from '@callboard/runtime';
import { Observable, type Subscriber } from 'rxjs';
import type { Channel, HistoryPage, Publication, PublishOptions } from '../api.ts';
import { decoded } from '../messages.ts';
import type { Node } from '../node.ts';
import type { Reader } from '../streams/feed.ts';
import { isFor } from '../streams/recovery.ts';
import type { Publication as Item } from './channel.ts';
import type { PublicationDraft } from './channels.ts';
import type { FilterLink } from './filter-readers.ts';
import { anybody, pageOf, readHistory } from './history.ts';
import { Pattern } from './pattern.ts';

/** What application code sees of a channel, or of those that a filter fits. @throws TypeError where the name is neither. */
export function channelOf<Data>(node: Node, name: string): Channel<Data> {
  if (isFilter(name)) return filterOf(node, name);
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

function filterOf<Data>(node: Node, filter: string): Channel<Data> {
  return {
    name: filter,
    subscribers: nobody,
    publications$: filteredOf<Data>(node, filter),
    history: async () => throwFilter(filter),
    forgetLast: () => throwFilter(filter),
  };
}

function throwFilter(filter: string): never {
  throw new TypeError(`not one channel but a filter: ${filter}`);
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
      deliver: (item) => show(node, item, subscriber),
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

/** The same for the channels that a filter fits, whatever holds for them; those of no policy, too. */
function filteredOf<Data>(node: Node, filter: string): Observable<Publication<Data>> {
  const { filters, policies } = node.channels;
  const publications = new Observable<Publication<Data>>((subscriber) => {
    const among = policies.allWithin(new Pattern(filter));
    const link: FilterLink = {
      filtered(item) {
        if (isFor(item.entry, server)) show(node, item, subscriber);
      },
      gap() {},
    };
    const reader = { link };
    filters.add(filter, among, reader);
    return () => filters.delete(filter, among, reader);
  });
  return new GuardedObservable(publications, node.logger);
}

const server = { clientId: '' };

function show<Data>(node: Node, { text }: Item, subscriber: Subscriber<Publication<Data>>): void {
  const frame = decoded(node, 'publication', text);
  if (frame !== undefined) subscriber.next(publicationOf(frame));
}

function publicationOf<Data>({ op: _, epoch, offset, data, ...rest }: PublicationFrame): Publication<Data> {
  return { ...rest, position: { epoch, offset }, data: fromWire(data) as Data };
}
