import type { GatewayHost, OwnPublication } from '@callboard/core';
import { isChannel, ReplyError } from '@callboard/protocol';
import type { IConnackPacket, IPublishPacket, MqttClient } from 'mqtt';
import { owned } from '../owned.ts';
import type { Devices } from './availability.ts';
import { Echoes } from './echoes.ts';
import { type Asked, Filters } from './filters.ts';
import { Line } from './line.ts';
import type { BrokerSettings } from './options.ts';
import { type Outgoing, OutgoingQueue } from './outgoing.ts';

/** The user property that says by whom a publication came to the broker. */
const MARK = 'callboard';
/** How long retained messages may take to come, where they have a subscription of their own. */
const RETAINED_MS = 5_000;
/** How often a channel is asked again to take what must get there, a second after the first time, then twice as long … */
const ATTEMPTS = 6;
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
  /** What a channel or the broker did not want. */
  refused = 0;
  connects = 0;
  readonly queue: OutgoingQueue;
  readonly #settings: BrokerSettings;
  readonly #host: GatewayHost;
  readonly #devices: Devices;
  readonly #filters: Filters;
  readonly #echoes: Echoes;
  readonly #line: Line;
  readonly #unlisten: () => void;
  readonly #retryTimers = new Set<() => void>();
  #client: MqttClient | undefined;
  /** Of the connection. */
  #connack: IConnackPacket | undefined;
  #identified = false;
  #onceTimer: unknown;
  #ended = false;

  constructor(settings: BrokerSettings, host: GatewayHost, devices: Devices) {
    const { clock, logger, channels } = host;
    this.#settings = settings;
    this.#host = host;
    this.#devices = devices;
    this.#filters = new Filters(settings, channels.patterns);
    this.#echoes = new Echoes(clock);
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

  async end(): Promise<void> {
    const { clock } = this.#host;
    this.#ended = true;
    this.#unlisten();
    clock.clearTimeout(this.#onceTimer);
    for (const cancel of this.#retryTimers) cancel();
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
    for (const asked of this.#filters.asked) this.#subscribe(client, asked);
    this.#pump();
  }

  #lost(reason: string): void {
    const { clock, emit } = this.#host;
    this.#client = undefined;
    clock.clearTimeout(this.#onceTimer);
    this.queue.lost();
    emit({ type: 'BROKER_OFFLINE', broker: this.#settings.name, reason, at: clock.now() });
  }

  #subscribe(client: MqttClient, { topic, id, noLocal, once }: Asked): void {
    const { clock, logger } = this.#host;
    const { qos, name } = this.#settings;
    // Without identifiers nothing would tell what it brings from what comes by the group.
    if (once && !this.#identified) return;
    const properties = this.#identified ? { properties: { subscriptionIdentifier: id } } : {};
    const options = { qos: once ? 0 : qos, nl: noLocal, rap: false, rh: 0, ...properties } as const;
    client.subscribe(topic, options, (cause) => {
      if (cause && this.#client === client && this.#line.ready)
        logger.error('the broker refused a subscription', { name, topic, cause });
    });
    if (!once) return;
    clock.clearTimeout(this.#onceTimer);
    this.#onceTimer = clock.setTimeout(() => {
      for (const each of this.#filters.asked) if (each.once) client.unsubscribe(each.topic);
    }, RETAINED_MS);
  }

  readonly #published = ({ channel, payload, format, atMostOnce, retain }: OwnPublication): void => {
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
    this.refused++;
    this.#host.logger.warn('the broker does not take a publication', { name, topic: outgoing.topic, cause });
    this.queue.done(outgoing);
    this.#pump();
  }

  get #mark(): string {
    return this.#settings.group ?? this.#settings.clientId;
  }

  async #received(packet: IPublishPacket): Promise<void> {
    const { topic, retain, properties } = packet;
    const payload = owned(packet.payload as Buffer);
    this.received++;
    this.#heard(topic, payload);
    const id = properties?.subscriptionIdentifier;
    const ids = id === undefined || !this.#identified ? undefined : [id].flat();
    if (!this.#filters.take(topic, retain, ids)) return;
    if (this.#isEcho(packet, payload)) {
      this.echoes++;
      return;
    }
    const { channels } = this.#host;
    const tooLong = payload.length > this.#settings.limits.maxPacketBytes;
    if (!isChannel(topic) || tooLong || (retain && !this.#isNews(topic, payload))) {
      this.ignored++;
      return;
    }
    const json = properties?.contentType === 'application/json';
    const draft = {
      channel: topic,
      payload,
      atMostOnce: packet.qos === 0,
      ...(json && { format: 'json' as const }),
      forgetsLast: payload.length === 0 && channels.retains(topic),
    };
    await this.#enter(draft);
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

  #isEcho({ topic, retain, properties }: IPublishPacket, payload: Uint8Array): boolean {
    if (this.#line.version === 5)
      return [properties?.userProperties?.[MARK]].flat().includes(this.#mark) && !retain;
    return !retain && this.#echoes.takes(topic, payload);
  }

  /** Of a retained message: a last value that the channel does not have, and that no newer one is about to replace. */
  #isNews(topic: string, payload: Uint8Array): boolean {
    const { channels } = this.#host;
    if (!channels.retains(topic) || this.queue.has(topic)) return false;
    const last = channels.last(topic);
    return last === undefined || Buffer.compare(last, payload) !== 0;
  }

  /** Into its channel; what must get there is tried again. */
  async #enter(draft: Parameters<GatewayHost['channels']['publish']>[0]): Promise<void> {
    const { channels, logger } = this.#host;
    for (let attempt = 0; !this.#ended; attempt++) {
      try {
        await channels.publish(draft, this.#published);
        return;
      } catch (error) {
        const again = error instanceof ReplyError && error.retryable && draft.atMostOnce !== true;
        if (!again || attempt === ATTEMPTS) {
          this.refused++;
          logger.warn('a channel does not take what came from the broker', {
            channel: draft.channel,
            cause: error,
          });
          return;
        }
      }
      await this.#wait(1_000 * 2 ** attempt);
    }
    // The server stops: the broker keeps it.
    await new Promise(() => {});
  }

  #wait(ms: number): Promise<void> {
    const { clock } = this.#host;
    return new Promise((resolve) => {
      const done = () => {
        clock.clearTimeout(timer);
        this.#retryTimers.delete(done);
        resolve();
      };
      const timer = clock.setTimeout(done, ms);
      this.#retryTimers.add(done);
    });
  }
}

/** More than what is in a packet beside topic and payload. */
const PROPERTIES_BYTES = 256;
