/** What one device may ask for, and what is kept for it; and what all do together. */
export interface MqttLimits {
  /** Bytes of one control packet: the connection is closed as soon as more is announced. Default 262,144. */
  readonly maxPacketBytes: number;
  /** Subscriptions of one session; more are refused (0x80). Default 100. */
  readonly maxSubscriptions: number;
  /** Publications on their way to a device, and from it, that are not acknowledged, 65,535 at most; what comes then waits. Default 20. */
  readonly maxInFlight: number;
  /** Publications that wait for one session, online or not; also what a device of 3.1.1 has sent with QoS 2, and not released. Default 1,000. */
  readonly maxQueued: number;
  /** Bytes of their payloads. Default 1,048,576. */
  readonly maxQueuedBytes: number;
  /** Sessions of one user, with a connection or without: a device that would have one more is refused. Default 10,000. */
  readonly maxSessionsPerUser: number;
  /** TLS handshakes at a time, of all devices: with one more that which takes longest is ended. Default 1,000. */
  readonly maxHandshakes: number;
  /** Topic aliases of one connection (MQTT 5), 65,535 at most. Default 16. */
  readonly maxTopicAliases: number;
  /** The longest keep alive, in milliseconds: a device of MQTT 5 that wants a longer one, or none, is told this one. Default: any. */
  readonly maxKeepAliveMs: number;
  /** How long a session waits for a device that is gone, in milliseconds: 2,147,483,647 (24.8 days) at most. Default 86,400,000, one day. */
  readonly maxSessionMs: number;
}

const defaults: MqttLimits = {
  maxPacketBytes: 262_144,
  maxSubscriptions: 100,
  maxInFlight: 20,
  maxQueued: 1_000,
  maxQueuedBytes: 1_048_576,
  maxSessionsPerUser: 10_000,
  maxHandshakes: 1_000,
  maxTopicAliases: 16,
  maxKeepAliveMs: Number.POSITIVE_INFINITY,
  maxSessionMs: 86_400_000,
};

/** Node's timers cannot be longer. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What MQTT has two bytes for. */
const counts: ReadonlySet<string> = new Set<keyof MqttLimits>(['maxInFlight', 'maxTopicAliases']);

/** The defaults with what the application sets. @throws RangeError where a limit is none, or not a number above 0, or more than there can be. */
export function limitsWith(settings: Partial<MqttLimits> = {}): MqttLimits {
  for (const [name, value] of Object.entries(settings)) {
    if (!Object.hasOwn(defaults, name)) throw new RangeError(`there is no limit named ${name}`);
    if (value === undefined) continue;
    if (!(value > 0)) throw new RangeError(`limits.${name} must be a number above 0`);
    if (counts.has(name) && !(Number.isInteger(value) && value <= 65_535))
      throw new RangeError(`limits.${name} must be a whole number up to 65,535`);
  }
  const limits = { ...defaults, ...settings };
  return { ...limits, maxSessionMs: Math.min(limits.maxSessionMs, LONGEST_TIMER_MS) };
}
