import { ReplyError } from '@callboard/protocol';
import { payloadFormats } from '../channels/payload.ts';
import type { ServerClient } from '../client.ts';
import type { Node } from '../node.ts';
import { publisherOf } from '../requests/publish.ts';
import type { Outcome } from '../streams/log.ts';
import type { GatewayDraft } from './port.ts';

/**
 * Publishes bytes: as data where they are that, else for those alone who read bytes, so that a device is not refused what other
 * devices understand.
 */
export async function publishPayload(
  node: Node,
  client: ServerClient,
  draft: GatewayDraft,
): Promise<Outcome> {
  const { channels, counters, requests } = node;
  const { channel, payload, meta, format } = draft;
  const { user, id } = client;
  const canPublish = publisherOf(node, client, channel);
  const data = await dataOf(node, channel, payload, format);
  const withheld = data === undefined;
  if (withheld) counters.withheld++;
  const allowed = canPublish({ user, client, channel, data: withheld ? payload : data.value });
  const may = typeof allowed === 'boolean' ? allowed : await requests.deadline(allowed, 'CHECK_TIMEOUT');
  if (!may) throw new ReplyError('FORBIDDEN');
  const outcome = channels.publish({
    channel,
    data: withheld ? payload : data.value,
    payload,
    withheld,
    atMostOnce: draft.atMostOnce === true,
    from: { userId: user.id, clientId: id },
    ...(meta !== undefined && { meta }),
  });
  const published =
    typeof outcome === 'string' ? outcome : await requests.deadline(outcome, 'OUTCOME_UNKNOWN');
  if (draft.forgetsLast === true) channels.forgetLast(channel);
  return published;
}

/** Undefined where the bytes are no data of this channel. */
async function dataOf(
  { channels }: Node,
  channel: string,
  payload: Uint8Array,
  format = channels.policyOf(channel).payload ?? 'text',
): Promise<{ readonly value: unknown } | undefined> {
  let decoded: unknown;
  try {
    decoded = payloadFormats[format].decode(payload);
  } catch {
    return undefined;
  }
  try {
    return { value: await channels.satisfied(channel, decoded) };
  } catch (error) {
    if (error instanceof ReplyError && error.code === 'INVALID_DATA') return undefined;
    throw error;
  }
}
