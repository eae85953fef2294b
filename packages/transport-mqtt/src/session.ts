import type { GatewayPublication, GatewayReader, GatewaySession } from '@callboard/core';
import { Disconnect } from '@callboard/protocol';
import type { Device } from './device.ts';
import type { QoS } from './dialect.ts';
import { InFlight, type Outgoing, type Sender } from './in-flight.ts';
import type { MqttLimits } from './limits.ts';
import type { OwnProperties } from './publish-frame.ts';
import { Receiving } from './receiving.ts';
import type { SharedGroup } from './shared.ts';
import type { Subscription } from './subscription.ts';
import { fits } from './topics.ts';

interface For {
  readonly identifiers?: readonly number[] | undefined;
  readonly group?: SharedGroup | undefined;
}

/** What is known of one client id, over its connections. */
export class Session {
  readonly clientId: string;
  readonly userId: string;
  /** Core's part of it. */
  core!: GatewaySession;
  readonly subscriptions = new Map<string, Subscription>();
  /** What it sends with QoS 2. */
  readonly receiving = new Receiving();
  readonly #limits: MqttLimits;
  readonly #maxOutboxBytes: number;
  /** Its connection, from the CONNACK on. */
  #device: Device | undefined;
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

  constructor(clientId: string, userId: string, limits: MqttLimits, maxOutboxBytes: number) {
    this.clientId = clientId;
    this.userId = userId;
    this.#limits = limits;
    this.#maxOutboxBytes = maxOutboxBytes;
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
    this.#inFlight?.allow(device.dialect.receiveMaximum);
    this.#inFlight?.again(this.#sender);
  }

  lost(device: Device): void {
    if (this.#device !== device) return;
    this.#device = undefined;
    this.#pass((group) => group.hasOther(this));
  }

  /** It is no more. */
  ended(): void {
    this.#device = undefined;
    for (const { group, filter } of [...this.subscriptions.values()])
      if (group !== undefined) this.unsubscribed(filter);
    this.#pass(() => true);
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

  acknowledged(messageId: number): void {
    this.#inFlight?.acknowledged(messageId);
    this.#release();
  }

  /** PUBREC. */
  received(messageId: number, refused: boolean): void {
    const found = this.#inFlight?.received(messageId, refused) === true;
    if (refused) this.#release();
    else this.#device?.send(this.#device.dialect.pubrel(messageId, found));
  }

  completed(messageId: number): void {
    this.#inFlight?.completed(messageId);
    this.#release();
  }

  /** Once, however many of its filters fit, with the highest QoS of theirs and all identifiers [MQTT-3.3.4-2] [MQTT-3.3.4-4]. */
  published(publication: GatewayPublication, subscription: Subscription): void {
    if (this.#overlapping) {
      if (this.#latest === publication) return;
      this.#latest = publication;
      const all = [...this.subscriptions.values()].filter(
        (each) => each.group === undefined && fits(publication.name, each.filter) && each.wants(publication),
      );
      return this.#publishedFor(publication, all);
    }
    if (subscription.wants(publication)) this.#publishedFor(publication, [subscription]);
  }

  deliver(publication: GatewayPublication, qos: QoS, retained: boolean, to: For = {}): void {
    const most = (publication.attributes?.own as OwnProperties | undefined)?.qos ?? 2;
    if (qos > most) return this.deliver(publication, most, retained, to);
    if (qos === 0) return this.#deliverAtMostOnce(publication, retained, to);
    if (this.#inFlight === undefined) {
      this.#inFlight = new InFlight(this.#limits);
      if (this.#device !== undefined) this.#inFlight.allow(this.#device.dialect.receiveMaximum);
    }
    if (!this.#inFlight.add({ publication, retained, qos, ...to })) {
      this.dropped++;
      this.#device?.link.end(new Disconnect('SLOW_READER'));
    } else this.#release();
  }

  #lastValue(publication: GatewayPublication, subscription: Subscription | undefined): void {
    if (subscription?.wants(publication) === true)
      this.deliver(publication, subscription.qos, true, { identifiers: subscription.identifiers });
  }

  #publishedFor(publication: GatewayPublication, subscriptions: readonly Subscription[]): void {
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

  /** Not to who is not there, nor where half of what may wait for it does: the rest is for what must get there. */
  #deliverAtMostOnce(publication: GatewayPublication, retain: boolean, { identifiers }: For): void {
    const device = this.#device;
    if (device === undefined) return;
    if (device.link.room * 2 < this.#maxOutboxBytes) {
      this.dropped++;
      return;
    }
    const frame = device.dialect.publish(publication, { qos: 0, retain, identifiers }, device.clock);
    if (frame !== undefined) device.link.send(frame);
  }

  #release(): void {
    if (this.#device !== undefined) this.#inFlight?.release(this.#sender);
  }

  readonly #sender: Sender = {
    publish: (messageId, { publication, retained, qos, identifiers }, again) => {
      const { link, dialect, clock } = this.#device as Device;
      const delivery = { qos, retain: retained, identifiers, messageId, again };
      const frame = dialect.publish(publication, delivery, clock);
      if (frame !== undefined) link.send(frame);
      return frame !== undefined;
    },
    pubrel: (messageId) => {
      const device = this.#device as Device;
      device.send(device.dialect.pubrel(messageId, true));
    },
  };

  /** Others of its groups get what it has not. */
  #pass(may: (group: SharedGroup) => boolean): void {
    for (const outgoing of this.#inFlight?.withdraw(may) ?? [])
      (outgoing as Outgoing & { group: SharedGroup }).group.pass(outgoing, this);
  }

  #look(): void {
    this.#latest = undefined;
    const all = [...this.subscriptions.values()];
    this.#shares = all.some(({ group }) => group !== undefined);
    this.#overlapping = all.length > 1 && all.some(({ topicFilter }) => /[+#]/.test(topicFilter));
  }
}
