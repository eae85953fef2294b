/** What the server bears, and how long it waits. Everything that a peer controls has a limit here. */
export interface Limits {
  /** From the opening of a connection to its `connect` frame: HANDSHAKE_TIMEOUT. Default 10,000. */
  readonly handshakeTimeoutMs: number;
  /** For `verifyClient`: VERIFY_TIMEOUT. Default 10,000. */
  readonly verifyTimeoutMs: number;
  /** For a handler, a check, `canSend` or an append: HANDLER_TIMEOUT or CHECK_TIMEOUT. Default 30,000. */
  readonly requestTimeoutMs: number;
  /** How long a lost client's session and inbox wait for it. Default 60,000. */
  readonly resumeWindowMs: number;
  /** Between two pings. Default 25,000. */
  readonly pingIntervalMs: number;
  /** From a ping to the close of a peer that sent nothing since: STALE. Default 8,000. */
  readonly pongTimeoutMs: number;
  /** Bytes of one frame from a client: FRAME_TOO_LARGE. Default 65,536. */
  readonly maxFrameBytes: number;
  /** Frames per second and client, with a burst of two seconds' worth: RATE_LIMITED. Default 500. */
  readonly maxFramesPerSecond: number;
  /** Bytes per second and client, with a burst of two seconds' worth: RATE_LIMITED. Default 1,048,576. */
  readonly maxBytesPerSecond: number;
  /** Connections from one address: HTTP 429. Default 1,000. */
  readonly maxConnectionsPerAddress: number;
  /** Connections that one address opens within a second: HTTP 429. Default 1,000. */
  readonly maxConnectsPerSecond: number;
  /** Requests of one client that run at the same time: TOO_MANY_PENDING. Default 1,024. */
  readonly maxPendingRequests: number;
  /** Users named by one send: TOO_MANY_RECIPIENTS. Default 1,000. */
  readonly maxRecipients: number;
  /** Channels and filters of one client: TOO_MANY_CHANNELS. Default 500. */
  readonly maxChannels: number;
  /** Channels that the server has at a time, for whatever reason: UNAVAILABLE to who would make one more. Default 1,000,000. */
  readonly maxServerChannels: number;
  /** Bytes that wait for one connection, in the outbox and in the socket: SLOW_READER. Default 1,048,576. */
  readonly maxOutboxBytes: number;
  /** Entries that an inbox keeps for clients that come back. Default 256. */
  readonly maxInboxEntries: number;
  /**
   * UTF-16 units that an inbox keeps. Default 262,144, less where `maxOutboxBytes` would not hold them: who sets both
   * leaves 3 bytes a unit, or a long replay disconnects the reader it is for.
   */
  readonly maxInboxLength: number;
  /** Outcomes of requests that a session remembers. Default 1,024. */
  readonly maxOutcomes: number;
  /** UTF-16 units of the outcomes that a session remembers. Default 262,144. */
  readonly maxOutcomesLength: number;
}

export const defaultLimits: Limits = {
  handshakeTimeoutMs: 10_000,
  verifyTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  resumeWindowMs: 60_000,
  pingIntervalMs: 25_000,
  pongTimeoutMs: 8_000,
  maxFrameBytes: 65_536,
  maxFramesPerSecond: 500,
  maxBytesPerSecond: 1_048_576,
  maxConnectionsPerAddress: 1_000,
  maxConnectsPerSecond: 1_000,
  maxPendingRequests: 1_024,
  maxRecipients: 1_000,
  maxChannels: 500,
  maxServerChannels: 1_000_000,
  maxOutboxBytes: 1_048_576,
  maxInboxEntries: 256,
  maxInboxLength: 262_144,
  maxOutcomes: 1_024,
  maxOutcomesLength: 262_144,
};

/**
 * The defaults with what the application sets.
 * @throws RangeError where a limit is not a number above 0.
 */
export function limitsWith(settings: Partial<Limits> = {}): Limits {
  const limits: Record<string, number> = { ...defaultLimits };
  for (const [name, value] of Object.entries(settings)) {
    if (!Object.hasOwn(defaultLimits, name)) throw new RangeError(`there is no limit named ${name}`);
    if (value === undefined) continue;
    if (typeof value !== 'number' || !(value > 0))
      throw new RangeError(`limits.${name} must be a number above 0`);
    limits[name] = value;
  }
  limits.maxInboxLength = settings.maxInboxLength ?? replayable(limits as unknown as Limits);
  return limits as unknown as Limits;
}

/** What an inbox keeps is sent in one turn after a resume, and must fit the outbox: a UTF-16 unit is up to 3 bytes. */
function replayable({ maxInboxLength, maxInboxEntries, maxOutboxBytes }: Limits): number {
  const bytesAroundBody = 64;
  const fits = Math.floor((maxOutboxBytes - maxInboxEntries * bytesAroundBody) / 3);
  return Math.max(1, Math.min(maxInboxLength, fits));
}
