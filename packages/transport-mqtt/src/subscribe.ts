import { Disconnect } from '@callboard/protocol';
import type { ISubscribePacket, IUnsubscribePacket } from 'mqtt-packet';
import type { Device } from './device.ts';
import { isReserved } from './own-topics.ts';
import { type QoS, type Session, Subscription } from './session.ts';
import { isSubscribable, isTopicFilter } from './topics.ts';

/** SUBSCRIBE (section 3.8): answered when all of it is decided, and then the last values. @throws Disconnect */
export function subscribe(device: Device, session: Session, packet: ISubscribePacket): void {
  const { messageId = 0, subscriptions } = packet;
  for (const { topic } of subscriptions) assertFilter(topic);
  const granted = subscriptions.map(({ topic, qos }) => grant(device, session, topic, qos > 0 ? 1 : 0));
  // What it says next is answered after this.
  device.hold();
  Promise.all(granted).then(async (codes) => {
    session.keeping?.save();
    await committed(device);
    device.send(device.dialect.subscribed(messageId, codes));
    const filters = subscriptions.map(({ topic }) => topic);
    session.core.lastValues(filters.filter((_, i) => codes[i] !== undefined));
    device.release();
  });
}

/** The QoS that it is given: what is asked for, and 1 at most [MQTT-3.8.4-6]; undefined where it may not read this. */
async function grant(device: Device, session: Session, filter: string, qos: QoS): Promise<QoS | undefined> {
  const { maxSubscriptions } = device.gate.limits;
  const { subscriptions } = session;
  if (isReserved(filter)) return session.own.subscribe(filter, qos);
  if (!isSubscribable(filter)) return undefined;
  if (!subscriptions.has(filter) && subscriptions.size >= maxSubscriptions) return undefined;
  const before = subscriptions.get(filter);
  const subscription = new Subscription(session, filter, qos);
  // What is delivered from the moment it is granted is to find it here.
  session.subscribed(subscription);
  try {
    await session.core.subscribe(filter, subscription);
    return qos;
  } catch {
    if (before === undefined) session.unsubscribed(filter);
    else session.subscribed(before);
    return undefined;
  }
}

/** UNSUBSCRIBE (section 3.10). @throws Disconnect */
export function unsubscribe(device: Device, session: Session, packet: IUnsubscribePacket): void {
  const { messageId = 0, unsubscriptions } = packet;
  for (const filter of unsubscriptions) assertFilter(filter);
  const leave = async (filter: string) => {
    if (isReserved(filter)) return session.own.unsubscribe(filter);
    const had = await session.core.unsubscribe(filter);
    session.unsubscribed(filter);
    session.keeping?.save();
    return had;
  };
  const left = async () => {
    const had = await Promise.all(unsubscriptions.map(leave));
    await committed(device);
    device.send(device.dialect.unsubscribed(messageId, had));
  };
  left().catch(() => device.link.end(new Disconnect('INTERNAL')));
}

/** What is answered outlives the server, where there is a store. */
async function committed({ gate, link }: Device): Promise<void> {
  await gate.sessions.committed()?.catch(() => link.end(new Disconnect('INTERNAL')));
}

function assertFilter(filter: string): void {
  if (!isTopicFilter(filter)) throw new Disconnect('MALFORMED_FRAME', { reason: 'not a topic filter' });
}
