import { type HistoryFrame, ReplyError } from '@callboard/protocol';
import { pageOf, readHistory } from '../channels/history.ts';
import type { ServerClient } from '../client.ts';
import type { Node } from '../node.ts';

interface HistoryRequest {
  readonly client: ServerClient;
  readonly frame: HistoryFrame;
}

/** `history`: a page of what a channel keeps, to those who may subscribe to it. */
export async function history(node: Node, { client, frame }: HistoryRequest): Promise<void> {
  const { requests, subscriptions, limits, codec } = node;
  const { mid, channel } = frame;
  const read = async () => {
    const has = client.channels?.has(channel) === true;
    if (!has && !(await subscriptions.rights.toRead(client, channel))) throw new ReplyError('FORBIDDEN');
    return readHistory(node, frame);
  };
  try {
    const kept = await requests.deadline(read(), 'CHECK_TIMEOUT');
    // Of this moment: more than the connection takes would close it as too slow.
    const taker = {
      clientId: client.id,
      roomBytes: client.link?.room ?? 0,
      maxBytes: limits.maxOutboxBytes,
    };
    const { entries, ...place } = pageOf(kept, taker);
    requests.answer(client, mid, codec.page(mid, entries, place));
  } catch (error) {
    requests.refuse(client, mid, error);
  }
}
