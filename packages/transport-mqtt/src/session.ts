import {
  Framed,
  type GatewayHost,
  type GatewayPublication,
  type GatewayReader,
  type GatewaySession,
} from '@callboard/core';
import { Disconnect } from '@callboard/protocol';
import type { Device } from './device.ts';
import { Exchanges } from './exchanges.ts';
import { withMessageId } from './framings.ts';
import { InFlight, type Outgoing } from './in-flight.ts';
import type { Keeping } from './keeping.ts';
import type { MqttLimits } from './limits.ts';
import { OwnSubscriptions } from './own-topics.ts';
import type { ConnectionProperties } from './remote-device.ts';
import { fits } from './topics.ts';
import type { PendingWill } from './will.ts';

export type QoS = 0 | 1;

/** What is known of one client id, over its connections. */
export class Session {
  readonly clientId: string;
  readonly userId: string;
  /** Core's part of it. */
  core!: GatewaySession;
  readonly subscriptions = new Map<string, Subscription>();
  /** Of the connection that was lost. */
  pendingWill: PendingWill | undefined;
  /** Where it is kept beyond the server's life. */
  keeping: Keeping | undefined;
  readonly own = new OwnSubscriptions(this);
  /** Of the last connection; none yet where it is of an earlier life of the server. */
  connection: ConnectionProperties | undefined;
  readonly #host: GatewayHost;
  readonly #limits: MqttLimits;
  readonly #maxOutboxBytes: number;
  /** Its connection, from the CONNACK on. */
  #device: Device | undefined;
  #lostAt = 0;
  #exchanges: Exchanges | undefined;
  /** Made with the first. */
  #inFlight: InFlight | undefined;
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

  /** The device knows that its session goes on. */
  resumed(device: Device): void {
    this.#device = device;
    this.pendingWill?.drop();
    this.keeping?.lost(undefined);
    this.#inFlight?.again(this.#send);
  }

  lost(device: Device): void {
    if (this.#device !== device) return;
    this.#lostAt = device.heardAt;
    this.#device = undefined;
    this.keeping?.lost(device.gate.host.clock.now());
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
  heard(topic: string, payload: Buffer): void {
    this.#exchanges?.heard(topic, payload);
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
    this.keeping?.ended(this.#inFlight?.all() ?? []);
  }

  /** Its last packet came in an earlier life of the server. */
  seen(at: number): void {
    this.#lostAt = at;
  }

  /** As it was before the server was stopped. */
  restore(outgoing: Outgoing, messageId: number | undefined): void {
    this.#inFlight ??= new InFlight(this.#limits);
    this.#inFlight.restore(outgoing, messageId);
  }

  /** In the place of one of the same filter [MQTT-3.8.4-3]. */
  subscribed(subscription: Subscription): void {
    this.subscriptions.set(subscription.filter, subscription);
    this.#look();
  }

  unsubscribed(filter: string): void {
    this.subscriptions.delete(filter);
    this.#look();
  }

  acknowledged(messageId: number): void {
    const outgoing = this.#inFlight?.acknowledged(messageId);
    if (outgoing !== undefined) this.keeping?.done(outgoing);
    if (this.#device !== undefined) this.#inFlight?.release(this.#send);
  }

  /** Once, however many of its filters fit, with the highest QoS of theirs [MQTT-3.3.5-1]. */
  published(publication: GatewayPublication, subscription: Subscription): void {
    if (!this.#overlapping) return this.deliver(publication, subscription.qos, false);
    if (this.#latest === publication) return;
    this.#latest = publication;
    let qos = subscription.qos;
    for (const each of this.subscriptions.values())
      if (each.qos > qos && fits(publication.name, each.filter)) qos = each.qos;
    this.deliver(publication, qos, false);
  }

  deliver(publication: GatewayPublication, qos: QoS, retained: boolean): void {
    if (qos === 0 || publication.atMostOnce) return this.#deliverAtMostOnce(publication, retained);
    this.#inFlight ??= new InFlight(this.#limits);
    const outgoing: Outgoing = { publication, retained };
    if (!this.#inFlight.add(outgoing)) {
      this.dropped++;
      this.#device?.link.end(new Disconnect('SLOW_READER'));
      return;
    }
    this.keeping?.add(outgoing);
    if (this.#device !== undefined) this.#inFlight.release(this.#send);
  }

  /** Not to who is not there, nor where half of what may wait for it does: the rest is for what must get there. */
  #deliverAtMostOnce(publication: GatewayPublication, retained: boolean): void {
    const device = this.#device;
    if (device === undefined) return;
    if (device.link.room * 2 < this.#maxOutboxBytes) {
      this.dropped++;
      return;
    }
    const { qos0, qos0Retained } = device.dialect.framings;
    device.link.send(publication.framed(retained ? qos0Retained : qos0));
  }

  readonly #send = (messageId: number, outgoing: Outgoing, again: boolean): void => {
    const { publication, retained } = outgoing;
    if (!again) this.keeping?.sent(outgoing, messageId);
    const { link, dialect } = this.#device as Device;
    const { qos1, qos1Retained } = dialect.framings;
    const publish = publication.framed(retained ? qos1Retained : qos1).bytes();
    link.send(new Framed(withMessageId(publish, messageId, again)));
  };

  #look(): void {
    this.#latest = undefined;
    this.#overlapping =
      this.subscriptions.size > 1 && [...this.subscriptions.keys()].some((filter) => /[+#]/.test(filter));
  }
}

/** One filter of a session, with its options. */
export class Subscription implements GatewayReader {
  readonly filter: string;
  readonly qos: QoS;
  readonly #session: Session;

  constructor(session: Session, filter: string, qos: QoS) {
    this.#session = session;
    this.filter = filter;
    this.qos = qos;
  }

  deliver(publication: GatewayPublication, ageMs?: number): void {
    if (ageMs === undefined) this.#session.published(publication, this);
    else this.#session.deliver(publication, this.qos, true);
  }

  ended(): void {
    this.#session.unsubscribed(this.filter);
  }
}
