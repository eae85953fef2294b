import { type HistoryFrame, ReplyError } from '@callboard/protocol';
import { historyOf } from '../channels/history.ts';
import type { ServerClient } from '../client.ts';
import type { Node } from '../node.ts';

interface HistoryRequest {
  readonly client: ServerClient;
  readonly frame: HistoryFrame;
}

/** `history`: a page of what a channel keeps, to those who may subscribe to it. */
export async function history(node: Node, { client, frame }: HistoryRequest): Promise<void> {
  const { requests, subscriptions } = node;
  const { mid, channel, before, limit } = frame;
  const read = async () => {
    const has = client.channels?.has(channel) === true;
    if (!has && !(await subscriptions.rights.toRead(client, channel))) throw new ReplyError('FORBIDDEN');
    return historyOf(node, {
      channel,
      clientId: client.id,
      // Otherwise the reader would be closed as too slow.
      maxBytes: (client.link?.room ?? 0) / 2,
      ...(before !== undefined && { before }),
      ...(limit !== undefined && { limit }),
    });
  };
  try {
    const page = await requests.deadline(read(), 'CHECK_TIMEOUT');
    const publications = page.publications.map(({ op: _, channel: __, ...fields }) => fields);
    requests.answer(client, mid, { ...page, publications });
  } catch (error) {
    requests.refuse(client, mid, error);
  }
}
