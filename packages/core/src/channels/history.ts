import { type Position, ReplyError } from '@callboard/protocol';
import type { Node } from '../node.ts';
import type { Entry } from '../streams/log.ts';
import { isFor } from '../streams/recovery.ts';

/** Publications in a page where nobody says how many. */
const LIMIT = 64;
/** Around the publications of a page: its mid, its positions, the framing. */
const PAGE_BYTES = 1_024;
/** Around the body of each. */
const ENTRY_BYTES = 32;
/** For a reader that takes no page now. */
const RETRY_AFTER_MS = 1_000;

export interface HistoryRequest {
  readonly channel: string;
  readonly before?: Position;
  readonly limit?: number;
}

/** What a channel keeps, whoever it is for. */
export interface Kept {
  readonly limit: number;
  /** The oldest first; one more than `limit` where there is an older one. */
  readonly entries: readonly Entry[];
  /** The channel's head. */
  readonly position: Position;
}

export interface Page {
  /** The oldest first. */
  readonly entries: readonly Entry[];
  readonly position: Position;
  readonly before?: Position;
}

/** Whose page it is, and how many bytes they take: now, and when nothing waits for them. */
export interface Taker {
  readonly clientId: string;
  readonly roomBytes: number;
  readonly maxBytes: number;
}

/** The server's own code. */
export const anybody: Taker = {
  clientId: '',
  roomBytes: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
};

/** @throws ReplyError UNKNOWN_POSITION, UNAVAILABLE where the stream is lost meanwhile, and what the log throws. */
export async function readHistory(node: Node, request: HistoryRequest): Promise<Kept> {
  const { channels, log } = node;
  const { channel: stream, before, limit = LIMIT } = request;
  const channel = channels.pin(stream);
  try {
    await channel.ready;
    // The log's, as the feed may be behind what was acknowledged.
    const position = await log.position(stream);
    if (position === undefined) throw new ReplyError('UNAVAILABLE');
    const { epoch } = position;
    if (before !== undefined && (before.epoch !== epoch || before.offset > position.offset))
      throw new ReplyError('UNKNOWN_POSITION');
    const last = (before?.offset ?? position.offset + 1) - 1;
    const entries: Entry[] = [];
    for (let offset = Math.max(0, last - limit - 1); offset < last; ) {
      // A log may give less at once than it is asked for.
      const page = await log.read(stream, { epoch, offset }, last - offset);
      if (page?.epoch !== epoch) throw new ReplyError('UNAVAILABLE');
      const read = page.entries.filter((entry) => entry.offset <= last);
      entries.push(...read);
      offset = read.at(-1)?.offset ?? last;
    }
    return { limit, entries, position };
  } finally {
    channels.unpin(channel);
  }
}

/**
 * Of the newest as many as are wanted and go into half of the room, but one in any case where it goes into all of it. What
 * the taker could never be given is left out.
 * @throws ReplyError RATE_LIMITED where too much waits for the taker to be given one now.
 */
export function pageOf({ limit, entries, position }: Kept, taker: Taker): Page {
  const { maxBytes, roomBytes } = taker;
  const taken: Entry[] = [];
  let bytes = 0;
  let oldest = entries.length;
  for (const end = Math.max(0, entries.length - limit); oldest > end; oldest--) {
    const entry = entries[oldest - 1] as Entry;
    if (!isFor(entry, taker)) continue;
    const size = Buffer.byteLength(entry.body) + ENTRY_BYTES;
    if (size + PAGE_BYTES > maxBytes) continue;
    const isFirst = taken.length === 0;
    if (isFirst ? size + PAGE_BYTES > roomBytes : bytes + size > roomBytes / 2) {
      if (isFirst) throw new ReplyError('RATE_LIMITED', { retryAfterMs: RETRY_AFTER_MS });
      break;
    }
    bytes += size;
    taken.push(entry);
  }
  const edge = entries[oldest];
  const before = oldest > 0 && edge !== undefined && { ...position, offset: edge.offset };
  return { entries: taken.reverse(), position, ...(before && { before }) };
}
