import { ReplyError } from '@callboard/protocol';
import type { ISubscribePacket, IUnsubscribePacket } from 'mqtt-packet';
import type { Device } from './device.ts';
import { isReserved } from './own-topics.ts';
import type { Properties } from './properties.ts';
import { reasons, Violation } from './reasons.ts';
import type { Session } from './session.ts';
import { sharedParts } from './shared.ts';
import { subscriptionTo } from './subscription.ts';
import { isSubscribable, isTopicFilter } from './topics.ts';

type Wanted = ISubscribePacket['subscriptions'][number];

/** SUBSCRIBE (section 3.8): answered when all of it is decided, and then the last values. @throws Disconnect */
export function subscribe(
  device: Device,
  session: Session,
  packet: ISubscribePacket,
  { subscriptionIdentifier }: Properties = {},
): void {
  const { messageId = 0, subscriptions } = packet;
  assertAsked(messageId, subscriptions);
  for (const { topic, nl = false } of subscriptions) {
    assertFilter(topic);
    // [MQTT-3.8.3-4]
    if (nl && sharedParts(topic) !== undefined) throw new Violation('protocolError', 'no local, and shared');
  }
  const known = new Set(session.subscriptions.keys());
  const granted = subscriptions.map((wanted) => grant(device, session, wanted, subscriptionIdentifier));
  // What it says next is answered after this.
  device.hold();
  const answer = (codes: readonly number[]) => {
    session.keeping?.save();
    device.committed(() => {
      device.send(device.dialect.subscribed(messageId, codes));
      session.core.lastValues(
        subscriptions
          .filter((each, i) => (codes[i] as number) < 0x80 && wantsLast(each, known))
          .map((each) => each.topic),
      );
      device.release();
    });
  };
  Promise.all(granted)
    .then(answer)
    .catch((cause: unknown) => device.failed(cause));
}

/** Retain handling (section 3.3.1.3) [MQTT-3.3.1-9] to [MQTT-3.3.1-11]; core knows no filter `$share/…`, and so none of their last values. */
function wantsLast({ topic, rh = 0 }: Wanted, known: ReadonlySet<string>): boolean {
  return rh === 0 || (rh === 1 && !known.has(topic));
}

/** The QoS that it is given, or why it may not read this [MQTT-3.8.4-6]. */
async function grant(device: Device, session: Session, wanted: Wanted, identifier?: number): Promise<number> {
  const { topic: filter, qos, nl = false, rap = false } = wanted;
  const { limits, sessions } = device.gate;
  const { subscriptions } = session;
  const topicFilter = sharedParts(filter)?.filter ?? filter;
  if (topicFilter === filter && isReserved(filter))
    return session.own.subscribe(filter, qos) ?? reasons.topicFilterInvalid;
  if (!isSubscribable(topicFilter)) return reasons.topicFilterInvalid;
  if (!subscriptions.has(filter) && subscriptions.size >= limits.maxSubscriptions)
    return reasons.quotaExceeded;
  const before = subscriptions.get(filter);
  const options = { qos, noLocal: nl, retainAsPublished: rap, identifier };
  const subscription = subscriptionTo(session, filter, options, sessions.groups);
  // What is delivered from the moment it is granted is to find it here.
  session.subscribed(subscription);
  try {
    await session.core.subscribe(topicFilter, session.reader(topicFilter));
    return qos;
  } catch (error) {
    if (before === undefined) session.unsubscribed(filter);
    else session.subscribed(before);
    return codes[error instanceof ReplyError ? error.code : ''] ?? reasons.unspecified;
  }
}

const codes: Readonly<Record<string, number>> = {
  FORBIDDEN: reasons.notAuthorized,
  UNAUTHORIZED: reasons.notAuthorized,
  INVALID_CHANNEL: reasons.topicFilterInvalid,
  INVALID_REQUEST: reasons.topicFilterInvalid,
  TOO_MANY_CHANNELS: reasons.quotaExceeded,
  REFUSED: reasons.implementationSpecific,
};

/** UNSUBSCRIBE (section 3.10). @throws Disconnect */
export function unsubscribe(device: Device, session: Session, packet: IUnsubscribePacket): void {
  const { messageId = 0, unsubscriptions } = packet;
  assertAsked(messageId, unsubscriptions);
  for (const filter of unsubscriptions) assertFilter(filter);
  const leave = async (filter: string) => {
    if (sharedParts(filter) === undefined && isReserved(filter)) return session.own.unsubscribe(filter);
    const had = session.subscriptions.get(filter);
    if (had === undefined) return false;
    // Another one may read by the same filter, by itself or in a group.
    if (session.by(had.topicFilter).length === 1) await session.core.unsubscribe(had.topicFilter);
    // Unless it has subscribed again meanwhile.
    if (session.subscriptions.get(filter) === had) session.unsubscribed(filter);
    return true;
  };
  const answer = (had: readonly boolean[]) => {
    session.keeping?.save();
    device.committed(() => device.send(device.dialect.unsubscribed(messageId, had)));
  };
  Promise.all(unsubscriptions.map(leave))
    .then(answer)
    .catch((cause: unknown) => device.failed(cause));
}

/** [MQTT-2.2.1-3] [MQTT-3.8.3-2] [MQTT-3.10.3-2] */
function assertAsked(messageId: number, asked: readonly unknown[]): void {
  if (messageId === 0 || asked.length === 0)
    throw new Violation('protocolError', 'no packet id, or nothing asked for');
}

/** [MQTT-4.8.2-1] [MQTT-4.8.2-2] */
function assertFilter(filter: string): void {
  const shared = sharedParts(filter);
  const isOne =
    isTopicFilter(filter) && (shared === undefined || (isName(shared.group) && isTopicFilter(shared.filter)));
  if (!isOne) throw new Violation('malformed', 'not a topic filter');
}

function isName(group: string): boolean {
  return group !== '' && !/[+#]/.test(group);
}
