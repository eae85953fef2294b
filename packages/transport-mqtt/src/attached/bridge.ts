import type { GatewayHost, OwnPublication } from '@callboard/core';
import { isChannel } from '@callboard/protocol';
import type { IConnackPacket, IPublishPacket, MqttClient } from 'mqtt';
import type { Devices } from './availability.ts';
import { Echoes } from './echoes.ts';
import { Entrance } from './entrance.ts';
import { type Asked, Filters } from './filters.ts';
import { draftFrom, MARK } from './incoming.ts';
import { Kept } from './kept.ts';
import { Line } from './line.ts';
import type { BrokerSettings } from './options.ts';
import { type Outgoing, OutgoingQueue } from './outgoing.ts';

/** What is due may still go when the server stops. */
const FAREWELL_MS = 2_000;

/** One broker and this server's channels, both ways. */
export class Bridge {
  received = 0;
  sent = 0;
  /** What came back, and was told already. */
  echoes = 0;
  /** What came and is for no channel: too long, by its topic, or an old value. */
  ignored = 0;
  connects = 0;
  readonly queue: OutgoingQueue;
  #refused = 0;
  readonly #settings: BrokerSettings;
  readonly #host: GatewayHost;
  readonly #devices: Devices;
  readonly #filters: Filters;
  readonly #echoes: Echoes;
  readonly #kept: Kept;
  readonly #entrance: Entrance;
  readonly #line: Line;
  readonly #unlisten: () => void;
  #client: MqttClient | undefined;
  /** Of the connection. */
  #connack: IConnackPacket | undefined;
  #identified = false;

  constructor(settings: BrokerSettings, host: GatewayHost, devices: Devices) {
    const { clock, logger, channels } = host;
    this.#settings = settings;
    this.#host = host;
    this.#devices = devices;
    this.#filters = new Filters(settings, channels.patterns);
    this.#echoes = new Echoes(clock);
    this.#entrance = new Entrance(host, this.#published);
    this.#kept = new Kept(clock, {
      said: () => this.#knowsWhatIsKept(),
      gone: (topics) => void this.#forget(topics),
      busy: () => this.#entrance.entering > 0,
    });
    this.queue = new OutgoingQueue(settings.limits);
    this.#unlisten = channels.listen(this.#published);
    this.#line = new Line(settings, clock, logger, {
      ready: (client, connack) => this.#ready(client, connack),
      lost: (reason) => this.#lost(reason),
      received: (packet) => this.#received(packet),
    });
  }

  get version(): 4 | 5 | undefined {
    return this.#line.ready ? this.#line.version : undefined;
  }

  /** What a channel or the broker did not want. */
  get refused(): number {
    return this.#refused + this.#entrance.refused;
  }

  async end(): Promise<void> {
    const { clock } = this.#host;
    this.#unlisten();
    this.#kept.lost();
    this.#entrance.end();
    if (this.#line.ready) {
      let timer: unknown;
      const limit = new Promise<void>((resolve) => {
        timer = clock.setTimeout(resolve, FAREWELL_MS);
      });
      await Promise.race([this.queue.whenEmpty(), limit]);
      clock.clearTimeout(timer);
    }
    await this.#line.end();
  }

  #ready(client: MqttClient, connack: IConnackPacket): void {
    const { clock, emit } = this.#host;
    const { name } = this.#settings;
    this.#client = client;
    this.#connack = connack;
    // Where it has none, MQTT 5, section 3.2.2.3.12 says so.
    this.#identified =
      this.#line.version === 5 && connack.properties?.subscriptionIdentifiersAvailable !== false;
    this.connects++;
    emit({ type: 'BROKER_ONLINE', broker: name, at: clock.now() });
    this.#kept.connected();
    const { connects } = this;
    const asked = this.#filters.plan(this.#identified).atFirst.map((each) => this.#subscribe(client, each));
    Promise.all(asked).then(() => {
      if (this.connects === connects && this.#line.ready) this.#kept.asked();
    });
    this.#pump();
  }

  #knowsWhatIsKept(): void {
    const client = this.#client as MqttClient;
    const { later, left } = this.#filters.plan(this.#identified);
    for (const each of later) this.#subscribe(client, each);
    if (left.length > 0) client.unsubscribe([...left]);
  }

  #lost(reason: string): void {
    const { clock, emit } = this.#host;
    this.#client = undefined;
    this.#kept.lost();
    this.queue.lost();
    emit({ type: 'BROKER_OFFLINE', broker: this.#settings.name, reason, at: clock.now() });
  }

  async #forget(topics: readonly string[]): Promise<void> {
    const { clock } = this.#host;
    const empty = { payload: Buffer.alloc(0), qos: 1, retain: true, dup: false, cmd: 'publish' } as const;
    for (const topic of topics) await this.#entrance.take(draftFrom({ ...empty, topic }, clock));
  }

  #subscribe(client: MqttClient, { topic, id, noLocal, kept }: Asked): Promise<void> {
    const { logger } = this.#host;
    const { qos, name } = this.#settings;
    const properties = this.#identified ? { properties: { subscriptionIdentifier: id } } : {};
    const alone = kept === 'alone';
    const handling = kept === 'not' ? NEVER : ALWAYS;
    const options = { qos: alone ? 0 : qos, nl: noLocal, rap: !alone, rh: handling, ...properties } as const;
    return new Promise((answered) => {
      client.subscribe(topic, options, (cause) => {
        if (cause && this.#client === client && this.#line.ready)
          logger.error('the broker refused a subscription', { name, topic, cause });
        answered();
      });
    });
  }

  readonly #published = ({ channel, payload, format, atMostOnce, retain }: OwnPublication): void => {
    if (retain) this.#kept.hasNot(channel);
    if (!this.#filters.takesOut(channel)) return;
    const qos = atMostOnce ? 0 : this.#settings.qos;
    const contentType = format === 'json' ? { contentType: 'application/json' } : {};
    this.queue.add({ topic: channel, payload, qos, retain, ...contentType });
    this.#pump();
  };

  #pump(): void {
    while (this.#line.ready) {
      const next = this.queue.next();
      if (next === undefined) return;
      this.#send(this.#client as MqttClient, next);
    }
  }

  #send(client: MqttClient, outgoing: Outgoing): void {
    const { topic, payload, qos, retain, contentType } = outgoing;
    const { maximumPacketSize = Number.POSITIVE_INFINITY, maximumQoS = 1 } = this.#connack?.properties ?? {};
    // It would end the connection, again and again [MQTT-3.2.2-15].
    if (payload.length + topic.length + PROPERTIES_BYTES > maximumPacketSize) return this.#notSent(outgoing);
    if (this.#line.version === 4 && this.#settings.group === undefined && this.#filters.bringsIn(topic))
      this.#echoes.expect(topic, payload);
    const options = {
      qos: Math.min(qos, maximumQoS) as 0 | 1,
      retain: retain && this.#connack?.properties?.retainAvailable !== false,
      ...(this.#line.version === 5 && {
        properties: {
          userProperties: { [MARK]: this.#mark },
          ...(contentType !== undefined && { contentType }),
        },
      }),
    };
    client.publish(
      topic,
      Buffer.from(payload.buffer, payload.byteOffset, payload.length),
      options,
      (error) => {
        if (error === null || error === undefined) {
          this.sent++;
          this.queue.done(outgoing);
        } else if (typeof (error as { code?: unknown }).code === 'number')
          return this.#notSent(outgoing, error);
        else if (qos === 1) return this.queue.putBack(outgoing);
        else this.queue.done(outgoing);
        this.#pump();
      },
    );
  }

  #notSent(outgoing: Outgoing, cause?: Error): void {
    const { name } = this.#settings;
    this.#refused++;
    this.#host.logger.warn('the broker does not take a publication', { name, topic: outgoing.topic, cause });
    this.queue.done(outgoing);
    this.#pump();
  }

  get #mark(): string {
    return this.#settings.group ?? this.#settings.clientId;
  }

  async #received(packet: IPublishPacket): Promise<void> {
    const { topic, retain, properties } = packet;
    const payload = packet.payload as Buffer;
    this.received++;
    this.#heard(topic, payload);
    const id = properties?.subscriptionIdentifier;
    const ids = id === undefined || !this.#identified ? undefined : [id].flat();
    if (!this.#filters.take(topic, retain, ids)) return;
    const kept = retain && this.#isKept(ids);
    if (this.#isEcho(packet, kept)) {
      this.echoes++;
      return;
    }
    const { clock } = this.#host;
    const tooLong = payload.length > this.#settings.limits.maxPacketBytes;
    if (kept) this.#kept.came();
    if (kept && !tooLong) this.#keeps(packet);
    if (!isChannel(topic) || tooLong || (kept && !this.#isNews(topic, payload))) {
      this.ignored++;
      return;
    }
    const draft = draftFrom(packet, clock);
    // 3.1.1 does not say whether the broker keeps what is published now.
    const forgetsLast = payload.length === 0 && (retain || this.#retains(topic) === true);
    await this.#entrance.take({ ...draft, forgetsLast });
    if (!kept) this.#keeps(packet);
  }

  /** Whether what has the flag was kept before, rather than published now: in 3.1.1 nothing else has it [MQTT-3.3.1-9]. */
  #isKept(ids: readonly number[] | undefined): boolean {
    if (this.#line.version === 4) return true;
    return ids === undefined ? this.#kept.saying : this.#filters.isKept(ids);
  }

  /** Whether the channel has a last value by the broker: by marks only where the broker tells them. */
  #retains(topic: string): boolean | 'marked' {
    const retains = this.#host.channels.retains(topic);
    return retains === 'marked' && this.#line.version === 4 ? false : retains;
  }

  /** What this says of what the broker keeps; what expires needs no word. */
  #keeps({ topic, retain, payload, properties }: IPublishPacket): void {
    const retains = this.#retains(topic);
    const lasts = payload.length > 0 && properties?.messageExpiryInterval === undefined;
    if (retain && lasts && retains !== false) this.#kept.has(topic);
    else if (retain || retains === true) this.#kept.hasNot(topic);
  }

  /** What it says of a device. */
  #heard(topic: string, payload: Uint8Array): void {
    const { clock, logger } = this.#host;
    try {
      this.#devices.take(topic, payload, clock.now());
    } catch (cause) {
      logger.error('nobody knows whose availability this is', { topic, cause });
    }
  }

  #isEcho({ topic, payload, properties }: IPublishPacket, kept: boolean): boolean {
    if (kept) return false;
    if (this.#line.version === 4) return this.#echoes.takes(topic, payload as Buffer);
    return [properties?.userProperties?.[MARK]].flat().includes(this.#mark);
  }

  /** Of what the broker keeps: a last value that the channel does not have, and that no newer one is about to replace. */
  #isNews(topic: string, payload: Uint8Array): boolean {
    if (this.#retains(topic) === false || this.queue.retains(topic)) return false;
    const last = this.#host.channels.last(topic);
    return last === undefined || Buffer.compare(last, payload) !== 0;
  }
}

/** Retain handling (section 3.3.1.3). */
const ALWAYS = 0;
const NEVER = 2;
/** More than what is in a packet beside topic and payload. */
const PROPERTIES_BYTES = 256;
