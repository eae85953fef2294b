import type { GatewayHost, GatewayPublication, GatewayReader, GatewaySession } from '@callboard/core';
import { Disconnect } from '@callboard/protocol';
import type { Device } from './device.ts';
import type { QoS } from './dialect.ts';
import { Exchanges } from './exchanges.ts';
import { InFlight, type Outgoing, type Sender } from './in-flight.ts';
import type { Keeping } from './keeping.ts';
import type { MqttLimits } from './limits.ts';
import { OwnSubscriptions } from './own-topics.ts';
import type { OwnProperties } from './publish-frame.ts';
import { Receiving } from './receiving.ts';
import type { ConnectionProperties } from './remote-device.ts';
import type { SharedGroup } from './shared.ts';
import type { Subscription } from './subscription.ts';
import { fits } from './topics.ts';
import type { PendingWill, Will } from './will.ts';

interface For {
  readonly identifiers?: readonly number[] | undefined;
  readonly group?: SharedGroup | undefined;
}

/** What is known of one client id, over its connections. */
export class Session implements Sender {
  readonly clientId: string;
  readonly userId: string;
  /** Core's part of it. */
  core!: GatewaySession;
  readonly subscriptions = new Map<string, Subscription>();
  /** Of the connection that was lost. */
  pendingWill: PendingWill | undefined;
  /** That of its last will, or its refusal; never rejects. */
  willPublished: Promise<void> | undefined;
  /** Where it is kept beyond the server's life. */
  keeping: Keeping | undefined;
  readonly own = new OwnSubscriptions(this);
  /** Of the last connection; none yet where it is of an earlier life of the server. */
  connection: ConnectionProperties | undefined;
  /** What it sends with QoS 2. */
  readonly receiving = new Receiving();
  readonly #host: GatewayHost;
  readonly #limits: MqttLimits;
  readonly #maxOutboxBytes: number;
  /** Its connection, from the CONNACK on. */
  #device: Device | undefined;
  #lostAt = 0;
  #exchanges: Exchanges | undefined;
  /** Made with the first. */
  #inFlight: InFlight | undefined;
  /** It is in a group. */
  #shares = false;
  /** More than one of its filters may fit a topic. */
  #overlapping = false;
  /** Of what fits more than one: what was delivered last. */
  #latest: GatewayPublication | undefined;
  /** Publications that went nowhere, as the device took too little. */
  dropped = 0;

  constructor(clientId: string, userId: string, host: GatewayHost, limits: MqttLimits) {
    this.clientId = clientId;
    this.userId = userId;
    this.#limits = limits;
    this.#host = host;
    this.#maxOutboxBytes = host.limits.maxOutboxBytes;
  }

  get saturated(): boolean {
    return this.#inFlight?.saturated === true;
  }

  get online(): boolean {
    return this.#device !== undefined;
  }

  /** The device knows that its session goes on. */
  resumed(device: Device): void {
    this.#device = device;
    this.pendingWill?.drop();
    this.keeping?.connected(device.will);
    this.#inFlight?.allow(device.dialect.receiveMaximum);
    this.#inFlight?.again(this);
  }

  lost(device: Device, will: Will | undefined): void {
    if (this.#device !== device) return;
    this.#lostAt = device.heardAt;
    this.#device = undefined;
    this.#inFlight?.lost();
    this.keeping?.lost(device.clock.now(), will);
    this.#pass((group) => group.hasOther(this));
  }

  /** When the last packet of its came. */
  get lastSeenAt(): number {
    return this.#device?.heardAt ?? this.#lostAt;
  }

  /** What the server has asked it. */
  get exchanges(): Exchanges {
    this.#exchanges ??= new Exchanges(this.#host.clock);
    return this.#exchanges;
  }

  /** The device has published something. */
  heard(topic: string, payload: Buffer, correlation: Buffer | undefined): void {
    this.#exchanges?.heard(topic, payload, correlation);
  }

  /** Nobody will come back to it in this life of the server. */
  over(): void {
    this.own.end();
    this.#exchanges?.end();
  }

  /** Nobody will come back to it. */
  ended(): void {
    this.over();
    this.pendingWill?.publish();
    this.#lostAt = this.lastSeenAt;
    this.#device = undefined;
    for (const { group, filter } of [...this.subscriptions.values()])
      if (group !== undefined) this.unsubscribed(filter);
    this.#pass(() => true);
    this.keeping?.ended(this.#inFlight?.all() ?? []);
  }

  /** Its last packet came in an earlier life of the server. */
  seen(at: number): void {
    this.#lostAt = at;
  }

  /** As it was before the server was stopped. */
  restore(outgoing: Outgoing, messageId: number | undefined, received: boolean): void {
    this.#inFlight ??= new InFlight(this.#limits);
    this.#inFlight.restore(outgoing, messageId, received);
  }

  /** In the place of one of the same filter [MQTT-3.8.4-3]. */
  subscribed(subscription: Subscription): void {
    const before = this.subscriptions.get(subscription.filter);
    this.subscriptions.set(subscription.filter, subscription);
    // Before the other one leaves: a group that nobody is in is forgotten.
    subscription.group?.join(subscription);
    before?.group?.leave(before);
    this.#look();
  }

  unsubscribed(filter: string): void {
    const subscription = this.subscriptions.get(filter);
    if (subscription === undefined) return;
    this.subscriptions.delete(filter);
    subscription.group?.leave(subscription);
    this.#look();
  }

  /** Those by which core reads one filter: one by itself, and one in each group. */
  by(topicFilter: string): Subscription[] {
    return [...this.subscriptions.values()].filter((each) => each.topicFilter === topicFilter);
  }

  /** What core gives what a filter fits. */
  reader(topicFilter: string): GatewayReader {
    return {
      deliver: (publication, ageMs) => {
        const plain = this.subscriptions.get(topicFilter);
        if (ageMs !== undefined) return this.#lastValue(publication, plain);
        if (plain !== undefined) this.published(publication, plain);
        if (this.#shares) for (const each of this.by(topicFilter)) each.group?.offer(publication, each);
      },
      ended: () => {
        for (const { filter } of this.by(topicFilter)) this.unsubscribed(filter);
      },
    };
  }

  /** Whether this packet acknowledges what the device was sent, for the first time. */
  awaits(packet: Buffer): boolean {
    return this.#inFlight?.awaits(packet) === true;
  }

  acknowledged(messageId: number): void {
    this.#done(this.#inFlight?.acknowledged(messageId));
    this.#release();
  }

  /** PUBREC. */
  received(messageId: number, refused: boolean): void {
    const device = this.#device;
    const outgoing = this.#inFlight?.received(messageId, refused);
    if (refused) {
      this.#done(outgoing);
      return this.#release();
    }
    if (outgoing !== undefined) this.keeping?.received(outgoing);
    device?.committed(() => device.send(device.dialect.pubrel(messageId, outgoing !== undefined)));
  }

  completed(messageId: number): void {
    this.#done(this.#inFlight?.completed(messageId));
    this.#release();
  }

  /** PUBREL. */
  released(device: Device, messageId: number): void {
    const found = this.receiving.released(messageId);
    if (found) this.keeping?.save();
    device.committed(() => device.send(device.dialect.pubcomp(messageId, found)));
  }

  /** Once, however many of its filters fit, with the highest QoS of theirs and all identifiers [MQTT-3.3.4-2] [MQTT-3.3.4-4]. */
  published(publication: GatewayPublication, subscription: Subscription): void {
    if (this.#overlapping) {
      if (this.#latest === publication) return;
      this.#latest = publication;
      const all = [...this.subscriptions.values()].filter(
        (each) => each.group === undefined && fits(publication.name, each.filter) && each.wants(publication),
      );
      return this.publishedFor(publication, all);
    }
    if (subscription.wants(publication)) this.publishedFor(publication, [subscription]);
  }

  deliver(publication: GatewayPublication, qos: QoS, retained: boolean, to: For = {}): void {
    const most = (publication.attributes?.own as OwnProperties | undefined)?.qos ?? 2;
    if (qos > most) return this.deliver(publication, most, retained, to);
    if (qos === 0) return this.#deliverAtMostOnce(publication, retained, to);
    if (this.#inFlight === undefined) {
      this.#inFlight = new InFlight(this.#limits);
      if (this.#device !== undefined) this.#inFlight.allow(this.#device.dialect.receiveMaximum);
    }
    const outgoing: Outgoing = { publication, retained, qos, ...to };
    if (!this.#inFlight.add(outgoing) && !this.#addWithoutExpired(outgoing, this.#inFlight)) {
      this.dropped++;
      this.#device?.link.end(new Disconnect('SLOW_READER'));
      return;
    }
    this.keeping?.add(outgoing);
    this.#release();
  }

  #addWithoutExpired(outgoing: Outgoing, inFlight: InFlight): boolean {
    for (const each of inFlight.expired(this.#host.clock.now())) this.#done(each);
    return inFlight.add(outgoing);
  }

  #lastValue(publication: GatewayPublication, subscription: Subscription | undefined): void {
    if (subscription?.wants(publication) === true)
      this.deliver(publication, subscription.qos, true, { identifiers: subscription.identifiers });
  }

  /** As these subscriptions of its ask for. */
  publishedFor(publication: GatewayPublication, subscriptions: readonly Subscription[]): void {
    const [first] = subscriptions;
    if (first === undefined) return;
    let { qos, identifiers } = first;
    let asPublished = false;
    for (const each of subscriptions) {
      if (each.qos > qos) qos = each.qos;
      if (each.options.retainAsPublished === true) asPublished = true;
      if (each !== first && each.identifiers !== undefined)
        identifiers = [...(identifiers ?? []), ...each.identifiers];
    }
    this.deliver(publication, qos, asPublished && publication.attributes?.retain === true, { identifiers });
  }

  /** Half of what may wait for its device does not. */
  get hasRoom(): boolean {
    return this.#device !== undefined && this.#device.link.room * 2 >= this.#maxOutboxBytes;
  }

  /** Not to who is not there, nor where half of what may wait for it does: the rest is for what must get there. */
  #deliverAtMostOnce(publication: GatewayPublication, retain: boolean, { identifiers }: For): void {
    const device = this.#device;
    if (device === undefined) return;
    if (!this.hasRoom) {
      this.dropped++;
      return;
    }
    const frame = device.dialect.publish(publication, { qos: 0, retain, identifiers }, device.clock);
    if (frame !== undefined) device.link.send(frame);
  }

  #done(outgoing: Outgoing | undefined): void {
    if (outgoing !== undefined) this.keeping?.done(outgoing);
  }

  #release(): void {
    if (this.#device !== undefined) this.#inFlight?.release(this);
  }

  publish(messageId: number, outgoing: Outgoing, again: boolean): boolean {
    const { publication, retained, qos, identifiers } = outgoing;
    const { link, dialect, clock } = this.#device as Device;
    const delivery = { qos, retain: retained, identifiers, messageId, again };
    const frame = dialect.publish(publication, delivery, clock);
    if (frame === undefined) {
      this.#done(outgoing);
      return false;
    }
    if (!again) this.keeping?.sent(outgoing, messageId);
    link.send(frame);
    return true;
  }

  pubrel(messageId: number): void {
    const device = this.#device as Device;
    device.send(device.dialect.pubrel(messageId, true));
  }

  /** Others of its groups get what it has not. */
  #pass(may: (group: SharedGroup) => boolean): void {
    for (const outgoing of this.#inFlight?.withdraw(may) ?? []) {
      this.#done(outgoing);
      outgoing.group?.pass(outgoing, this);
    }
  }

  #look(): void {
    this.#latest = undefined;
    const all = [...this.subscriptions.values()];
    this.#shares = all.some(({ group }) => group !== undefined);
    this.#overlapping = all.length > 1 && all.some(({ topicFilter }) => /[+#]/.test(topicFilter));
  }
}
