import { fromWire, isChannel, type PublishFrame, ReplyError, toWire } from '@callboard/protocol';
import { type Awaitable, isPromise } from '@callboard/runtime';
import type { Channels, PublicationDraft } from '../channels/channels.ts';
import { payloadFormats } from '../channels/payload.ts';
import type { ServerClient } from '../client.ts';
import type { Node } from '../node.ts';
import { type CanPublish, publisherOf } from '../requests/publish.ts';
import type { Outcome } from '../streams/log.ts';
import type { GatewayDraft } from './port.ts';

/** What bytes are as data of their channel; undefined where they are none. */
type Decoded = { readonly value: unknown } | undefined;

/**
 * Publishes bytes: as data where they are that, else for those alone who read bytes, so that a device is not refused what other
 * devices understand. At once where nothing has to be waited for.
 */
export function publishPayload(node: Node, client: ServerClient, draft: GatewayDraft): Awaitable<Outcome> {
  const { channel } = draft;
  if (!node.channels.byName.has(channel) && !isChannel(channel)) throw new ReplyError('INVALID_CHANNEL');
  const canPublish = publisherOf(node, client, channel);
  const decoded = decode(node, draft);
  if (!isPromise(decoded)) return asked(node, client, draft, canPublish, decoded);
  return node.requests
    .deadline(decoded, 'CHECK_TIMEOUT')
    .then((ready) => asked(node, client, draft, canPublish, ready));
}

function asked(
  node: Node,
  client: ServerClient,
  draft: GatewayDraft,
  canPublish: CanPublish,
  decoded: Decoded,
): Awaitable<Outcome> {
  const { channel, payload } = draft;
  const data = decoded === undefined ? payload : decoded.value;
  const allowed = canPublish({ user: client.user, client, channel, data });
  if (!isPromise(allowed)) return answered(node, client, draft, decoded, allowed);
  return node.requests
    .deadline(allowed, 'CHECK_TIMEOUT')
    .then((answer) => answered(node, client, draft, decoded, answer));
}

function answered(
  node: Node,
  { id, user }: ServerClient,
  draft: GatewayDraft,
  decoded: Decoded,
  allowed: boolean,
): Awaitable<Outcome> {
  if (!allowed) throw new ReplyError('FORBIDDEN');
  return append(node, draft, decoded, { from: { userId: user.id, clientId: id } });
}

/** What `canPublish` says, of bytes that are not published yet. */
export async function mayPublish(node: Node, client: ServerClient, draft: GatewayDraft): Promise<boolean> {
  const { canPublish } = node.channels.policyOf(draft.channel);
  if (canPublish === undefined || !isChannel(draft.channel)) return false;
  const { channel, payload } = draft;
  const ask = async () => {
    const decoded = await decode(node, draft);
    const data = decoded === undefined ? payload : decoded.value;
    return canPublish({ user: client.user, client, channel, data });
  };
  return node.requests.deadline(ask(), 'CHECK_TIMEOUT');
}

/** What nobody has to be asked about any more. */
export function append(
  { channels, counters, requests }: Node,
  { channel, payload, meta, atMostOnce = false, forgetsLast = false, attributes }: GatewayDraft,
  decoded: Decoded,
  { from, via }: Pick<PublicationDraft, 'from' | 'via'>,
): Awaitable<Outcome> {
  const withheld = decoded === undefined;
  if (withheld) counters.withheld++;
  const outcome = channels.publish({
    channel,
    data: withheld ? payload : decoded.value,
    payload,
    withheld,
    atMostOnce,
    attributes,
    from,
    via,
    meta,
  });
  const done = (published: Outcome) => {
    if (forgetsLast) channels.forgetEmpty(channel);
    return published;
  };
  return isPromise(outcome) ? requests.deadline(outcome, 'OUTCOME_UNKNOWN').then(done) : done(outcome);
}

/** What the channel's format and schema make of bytes. */
export function decode({ channels }: Node, draft: GatewayDraft): Awaitable<Decoded> {
  const parsed = parse(channels, draft);
  if (parsed === undefined) return undefined;
  try {
    const made = channels.satisfied(draft.channel, parsed.value);
    return isPromise(made) ? made.then((value) => ({ value }), noneWhereInvalid) : { value: made };
  } catch (error) {
    return noneWhereInvalid(error);
  }
}

function parse(channels: Channels, { channel, payload, format }: GatewayDraft): Decoded {
  try {
    return { value: payloadFormats[format ?? channels.policyOf(channel).payload ?? 'text'].decode(payload) };
  } catch {
    return undefined;
  }
}

/** What a plugin's check is shown, as a client would have sent it: data that its schema has not seen yet, else the bytes. */
export function shown({ channels }: Node, draft: GatewayDraft): unknown {
  const parsed = parse(channels, draft);
  return toWire(parsed === undefined ? draft.payload : parsed.value);
}

/** The publication as operators have left it: other data is other bytes, and not what the device said beside its own. */
export function changed(
  { channels }: Node,
  draft: GatewayDraft,
  before: PublishFrame,
  { channel, data, meta }: PublishFrame,
): GatewayDraft {
  const same = { ...draft, channel, meta };
  if (data === before.data && meta === before.meta) return same;
  const attributes = draft.attributes && { ...draft.attributes, own: undefined };
  if (data === before.data) return { ...same, attributes };
  const format = channels.policyOf(channel).payload ?? 'text';
  const payload = payloadFormats[format].encode(fromWire(data));
  return { ...same, payload, format, attributes };
}

function noneWhereInvalid(error: unknown): undefined {
  if (error instanceof ReplyError && error.code === 'INVALID_DATA') return undefined;
  throw error;
}
