import { hostname } from 'node:os';
import { isChannel, isFilter } from '@callboard/protocol';
import type { IClientOptions } from 'mqtt';
import type { Availability } from './availability.ts';

export interface MqttBrokerOptions {
  /** Where it is: `mqtt:`, `mqtts:`, `ws:` or `wss:`, with user name and password where it wants them. */
  readonly broker: string;
  /** Of this broker in logs and `stats().gateways`. Default `mqtt-broker`. */
  readonly name?: string;
  /** Stays the same over restarts, and is no other node's. Default `callboard-` and the name of the host. */
  readonly clientId?: string;
  /** Default: 5, and 3.1.1 (4) with a broker that does not take it. */
  readonly protocol?: 4 | 5;
  /**
   * Topic filters that are bridged, and which way; a filter alone goes both ways. Default: the patterns of the server's channel
   * policies, both ways.
   */
  readonly topics?: readonly (string | BridgedTopics)[];
  /** Nodes of one group split what comes from the broker between them (`$share/<group>/…`). Default: each takes all. */
  readonly group?: string;
  /** Of subscriptions, and of what goes out unless it came at most once. Default 1. */
  readonly qos?: 0 | 1;
  /** How long the broker keeps what comes while this node is away, in milliseconds. In 3.1.1 the broker decides. Default 86,400,000. */
  readonly sessionExpiryMs?: number;
  /** Topics on which devices, or their wills, say whether they are there. */
  readonly availability?: readonly Availability[];
  /** What else the connection needs: user name and password, certificates, keep alive (seconds, default 60). */
  readonly connection?: Pick<
    IClientOptions,
    'username' | 'password' | 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'keepalive'
  >;
  /** Between two attempts to connect, in milliseconds: at first `minMs` (default 500), doubled up to `maxMs` (default 30,000). */
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number };
  readonly limits?: Partial<BrokerLimits>;
}

export interface BridgedTopics {
  readonly filter: string;
  /** `in`: from the broker into channels; `out`: from channels to the broker. */
  readonly direction: 'in' | 'out' | 'both';
}

export interface BrokerLimits {
  /** Publications that wait for the broker. Default 1,000. */
  readonly maxQueued: number;
  /** Bytes of their payloads. Default 1,048,576. */
  readonly maxQueuedBytes: number;
  /** Publications on their way to the broker and not acknowledged. Default 20. */
  readonly maxInFlight: number;
  /** Bytes of one publication, either way; what is longer is dropped and counted. Default 262,144. */
  readonly maxPacketBytes: number;
  /** Devices whose availability is remembered. Default 10,000. */
  readonly maxDevices: number;
}

/** The options with their defaults. */
export type BrokerSettings = Required<
  Omit<MqttBrokerOptions, 'topics' | 'group' | 'protocol' | 'limits' | 'backoff'>
> &
  Pick<MqttBrokerOptions, 'group' | 'protocol'> & {
    readonly topics: readonly BridgedTopics[] | undefined;
    readonly backoff: { readonly minMs: number; readonly maxMs: number };
    readonly limits: BrokerLimits;
  };

const defaultLimits: BrokerLimits = {
  maxQueued: 1_000,
  maxQueuedBytes: 1_048_576,
  maxInFlight: 20,
  maxPacketBytes: 262_144,
  maxDevices: 10_000,
};

/** @throws TypeError where the address, a filter or the group is none; RangeError where a number is none. */
export function settingsOf(options: MqttBrokerOptions): BrokerSettings {
  const { broker, topics, group, backoff, availability = [] } = options;
  if (!/^(mqtts?|wss?):$/.test(new URL(broker).protocol)) throw new TypeError(`no MQTT address: ${broker}`);
  // [MQTT-4.8.2-2]
  if (group !== undefined && !/^[^/+#\0]+$/.test(group)) throw new TypeError(`no name of a group: ${group}`);
  const bridged = topics?.map((each) =>
    typeof each === 'string' ? ({ filter: each, direction: 'both' } as const) : each,
  );
  for (const filter of [
    ...(bridged ?? []).map((each) => each.filter),
    ...availability.map((each) => each.topic),
  ])
    if (!isChannel(filter) && !isFilter(filter)) throw new TypeError(`no topic filter: ${filter}`);
  for (const [name, value] of Object.entries({ ...options.limits, ...backoff }))
    if (value !== undefined && !(value > 0)) throw new RangeError(`${name} must be a number above 0`);
  return {
    broker,
    name: options.name ?? 'mqtt-broker',
    clientId: options.clientId ?? `callboard-${hostname()}`,
    protocol: options.protocol,
    topics: bridged,
    group,
    qos: options.qos ?? 1,
    sessionExpiryMs: options.sessionExpiryMs ?? 86_400_000,
    availability,
    connection: options.connection ?? {},
    backoff: { minMs: backoff?.minMs ?? 500, maxMs: backoff?.maxMs ?? 30_000 },
    limits: { ...defaultLimits, ...options.limits },
  };
}
