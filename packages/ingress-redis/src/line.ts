import type { Clock, Logger } from '@callboard/core';
import { createClient, type RedisClientOptions } from 'redis';

/** What the connection to Redis needs besides its address: certificates for TLS, name and password where they are not in the URL. */
export type RedisConnection = Pick<RedisClientOptions, 'username' | 'password'> & {
  /** As of Node's `tls.connect`; the URL is `rediss:`. */
  readonly tls?: {
    readonly ca?: string | Buffer;
    readonly cert?: string | Buffer;
    readonly key?: string | Buffer;
    readonly rejectUnauthorized?: boolean;
    readonly servername?: string;
  };
};

/** Whether the client takes it: a name, a password or a database may be none. */
export function isAddress(url: string): boolean {
  try {
    createClient({ url });
    return true;
  } catch {
    return false;
  }
}

export interface LineSettings {
  readonly url: string;
  readonly connection: RedisConnection;
  readonly channels: readonly string[];
  readonly patterns: readonly string[];
  readonly backoff: { readonly minMs: number; readonly maxMs: number };
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** None may throw. */
export interface LineEvents {
  /** Subscribed to everything: what is published from now on comes. */
  ready(): void;
  lost(): void;
  message(text: string, channel: string): void;
  patternMessage(text: string, channel: string, pattern: string): void;
}

const CONNECT_TIMEOUT_MS = 5_000;
const PING_INTERVAL_MS = 15_000;
const PONG_TIMEOUT_MS = 5_000;

type RedisClient = ReturnType<typeof connect>;

function connect({ url, connection: { tls, ...credentials } }: LineSettings) {
  return createClient({
    url,
    ...credentials,
    RESP: 2,
    socket: { ...tls, connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: false },
  });
}

/**
 * A connection that subscribes, made again, later and later, for as long as it is wanted. It is asked for a sign of life, as a
 * subscriber that only listens would never notice that the other end is gone.
 */
export class Line {
  readonly #settings: LineSettings;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #events: LineEvents;
  #client: RedisClient | undefined;
  #ready = false;
  /** Since the last connection that stood. */
  #attempts = 0;
  /** Of the next attempt, or the next sign of life. */
  #timer: unknown;

  constructor(settings: LineSettings, clock: Clock, logger: Logger, events: LineEvents) {
    this.#settings = settings;
    this.#clock = clock;
    this.#logger = logger;
    this.#events = events;
  }

  get ready(): boolean {
    return this.#ready;
  }

  open(): void {
    const client = connect(this.#settings);
    this.#client = client;
    client.on('error', (error) => this.#closed(client, error));
    client.on('end', () => this.#closed(client, new Error('the connection was closed')));
    this.#begin(client).then(
      () => this.#begun(client),
      (error: unknown) => this.#closed(client, error),
    );
  }

  close(): void {
    const client = this.#client;
    this.#client = undefined;
    this.#ready = false;
    this.#clock.clearTimeout(this.#timer);
    if (client?.isOpen) client.destroy();
  }

  async #begin(client: RedisClient): Promise<void> {
    const { channels, patterns } = this.#settings;
    await client.connect();
    if (channels.length > 0)
      await client.subscribe([...channels], (text, channel) => this.#events.message(text, channel));
    for (const pattern of patterns)
      await client.pSubscribe(pattern, (text, channel) =>
        this.#events.patternMessage(text, channel, pattern),
      );
  }

  #begun(client: RedisClient): void {
    if (client !== this.#client) return;
    this.#ready = true;
    this.#watch(client);
    this.#events.ready();
  }

  #watch(client: RedisClient): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = this.#clock.setTimeout(
        () => this.#closed(client, new Error('no sign of life')),
        PONG_TIMEOUT_MS,
      );
      client.ping().then(
        () => {
          if (client !== this.#client) return;
          this.#clock.clearTimeout(this.#timer);
          // One that is lost sooner has not brought Redis back: each connection has everything that is watched asked for.
          this.#attempts = 0;
          this.#watch(client);
        },
        (error: unknown) => this.#closed(client, error),
      );
    }, PING_INTERVAL_MS);
  }

  /** Once a connection, whatever tells of it first. */
  #closed(client: RedisClient, cause: unknown): void {
    if (client !== this.#client) return;
    const wasReady = this.#ready;
    this.close();
    const { minMs, maxMs } = this.#settings.backoff;
    const delayMs = Math.min(maxMs, minMs * 2 ** Math.min(this.#attempts++, 30));
    // Between half and all of it: nodes that lost the same Redis do not come back as one.
    const inMs = delayMs * (0.5 + this.#settings.random() / 2);
    const report = this.#attempts === 1 ? 'warn' : 'debug';
    this.#logger[report]('no Redis', { reason: reasonOf(cause), retryInMs: Math.round(inMs) });
    this.#timer = this.#clock.setTimeout(() => this.open(), inMs);
    if (wasReady) this.#events.lost();
  }
}

/** Without the address, in which there may be a password. */
function reasonOf(cause: unknown): string {
  const { code, message } = cause as { code?: unknown; message?: unknown };
  return String(code ?? (message === '' ? cause : message));
}
