import { randomBytes } from 'node:crypto';
import { type Client, ReplyError, type User } from '@callboard/core';
import { KnownPublication } from './known-publication.ts';
import type { OwnProperties } from './publish-frame.ts';
import type { Session } from './session.ts';
import { fits, isTopic } from './topics.ts';

/** What a device said of itself when it last connected. */
export interface ConnectionProperties {
  /** 4 is MQTT 3.1.1. */
  readonly protocolVersion: number;
  /** 0: none. */
  readonly keepAliveSeconds: number;
  readonly willTopic: string | undefined;
}

export interface DeviceRequestOptions {
  /** Where the device answers. What it publishes there is published as ever, too. */
  readonly replyTopic: string;
  /**
   * Which of what it publishes there is the answer, where correlation data does not say so (3.1.1 has none): for devices that say something there
   * unasked, too. What it throws the request fails with. Default: whatever comes first.
   */
  readonly isAnswer?: (payload: Buffer) => boolean;
  /** Default 30,000. */
  readonly timeoutMs?: number;
}

/** Bytes and strings as they are, all else as JSON. */
export type DevicePayload = string | Uint8Array | object | number | boolean | null;

/** A device that has a session, as application code sees it: `server.device(id)`. */
export interface RemoteDevice {
  readonly clientId: string;
  /** Its actor, claims, `disconnect()` … are here. */
  readonly client: Client;
  readonly user: User;
  readonly online: boolean;
  /** When the last packet of its came, in milliseconds since 1970. */
  readonly lastSeenAt: number;
  /** Undefined where it has not been back since the server was started. */
  readonly connection: ConnectionProperties | undefined;
  /** The filters that it has subscribed to. */
  readonly filters: readonly string[];
  /** How many publications it was not given, as more waited for it than may. */
  readonly dropped: number;
  /**
   * To this device alone, on a topic that it has subscribed to: with that QoS, so that it waits for a device which is away where
   * that is 1. It passes no plugin and is no channel's.
   * @throws ReplyError NOT_SUBSCRIBED, TypeError where the topic is none.
   */
  publish(topic: string, payload: DevicePayload): void;
  /**
   * The same, and what the device answers. Requests with the same `replyTopic` are sent one after the other. A device of MQTT 5 is
   * told that as the response topic, with correlation data: an answer with other correlation data is none.
   * @throws ReplyError DEVICE_TIMEOUT, DEVICE_GONE where its session ends, and as `publish`.
   */
  request(topic: string, payload: DevicePayload, options: DeviceRequestOptions): Promise<Buffer>;
}

const REQUEST_TIMEOUT_MS = 30_000;

export function remoteDevice(session: Session): RemoteDevice {
  const { clientId } = session;
  const { client } = session.core;
  return {
    clientId,
    client,
    user: client.user,
    get online() {
      return client.online;
    },
    get lastSeenAt() {
      return session.lastSeenAt;
    },
    get connection() {
      return session.connection;
    },
    get filters() {
      return [...session.subscriptions.keys()];
    },
    get dropped() {
      return session.dropped;
    },
    publish: (topic, payload) => publish(session, topic, payload),
    async request(topic, payload, { replyTopic, isAnswer, timeoutMs = REQUEST_TIMEOUT_MS }) {
      if (!isTopic(replyTopic)) throw new TypeError(`not a topic name: ${String(replyTopic)}`);
      const correlationData = randomBytes(8);
      const properties = { responseTopic: replyTopic, correlationData };
      return session.exchanges.ask({
        replyTopic,
        correlation: correlationData,
        isAnswer,
        timeoutMs,
        send: () => publish(session, topic, payload, properties),
      });
    },
  };
}

/** [MQTT-3.8.4-6] */
function publish(
  session: Session,
  topic: string,
  payload: DevicePayload,
  properties?: Omit<OwnProperties, 'qos'>,
): void {
  if (!isTopic(topic) || topic.startsWith('$')) throw new TypeError(`not a topic name: ${String(topic)}`);
  const subscriptions = [...session.subscriptions.values()].filter((each) => fits(topic, each.topicFilter));
  if (subscriptions.length === 0)
    throw new ReplyError('NOT_SUBSCRIBED', { message: `The device has not subscribed to ${topic}.` });
  session.publishedFor(KnownPublication.own(topic, payload, properties), subscriptions);
}
