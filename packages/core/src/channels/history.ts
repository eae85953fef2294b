import { type HistoryFrame, type Position, type PublicationFrame, ReplyError } from '@callboard/protocol';
import { decoded } from '../messages.ts';
import type { Node } from '../node.ts';
import type { Entry } from '../streams/log.ts';
import { isFor } from '../streams/recovery.ts';

/** What is asked for, by whom, and how much of it they can take. */
export interface HistoryRequest extends Pick<HistoryFrame, 'channel' | 'before' | 'limit'> {
  /** Default: nobody who could be excluded. */
  readonly clientId?: string;
  /** Of the text of all publications; one is given in any case. Default: unlimited. */
  readonly maxBytes?: number;
}

export interface History {
  /** The oldest first. */
  readonly publications: readonly PublicationFrame[];
  readonly position: Position;
  readonly before: Position | undefined;
}

/** Publications in a page where nobody says how many. */
const LIMIT = 64;

/** A page of what a channel keeps. @throws ReplyError UNKNOWN_POSITION, and what the log throws. */
export async function historyOf(node: Node, request: HistoryRequest): Promise<History> {
  const { channels, log } = node;
  const { before, limit = LIMIT } = request;
  const channel = channels.pin(request.channel);
  try {
    const { position: head } = await channel.ready;
    if (before !== undefined && (before.epoch !== head.epoch || before.offset > head.offset + 1))
      throw new ReplyError('UNKNOWN_POSITION');
    const end = before?.offset ?? head.offset + 1;
    // One more, which says that there are older ones.
    const after = { epoch: head.epoch, offset: Math.max(0, end - limit - 2) };
    const page = await log.read(request.channel, after, limit + 1);
    if (page === undefined || page.epoch !== head.epoch) throw new ReplyError('UNAVAILABLE');
    const entries = page.entries.filter(({ offset }) => offset < end);
    return pageOf(node, request, entries, head);
  } finally {
    channels.unpin(channel);
  }
}

/** Of the newest of these entries as many as are wanted. */
function pageOf(node: Node, request: HistoryRequest, entries: readonly Entry[], position: Position): History {
  const { channel, limit = LIMIT, clientId = '', maxBytes = Number.POSITIVE_INFINITY } = request;
  const publications: PublicationFrame[] = [];
  let bytes = 0;
  let taken = 0;
  while (taken < Math.min(limit, entries.length)) {
    const entry = entries[entries.length - 1 - taken] as Entry;
    if (isFor(entry, { clientId })) {
      const text = node.codec.publication(channel, entry.offset, entry.body);
      bytes += Buffer.byteLength(text);
      if (bytes > maxBytes && publications.length > 0) break;
      const frame = decoded(node, 'publication', text);
      if (frame !== undefined) publications.unshift(frame);
    }
    taken++;
  }
  const oldest = entries.at(-taken);
  const isMore = taken > 0 && taken < entries.length && oldest !== undefined;
  return { publications, position, before: isMore ? { ...position, offset: oldest.offset } : undefined };
}
