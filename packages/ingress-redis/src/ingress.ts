import { definePlugin, type Plugin, type PluginContext } from '@callboard/core';
import { type CommandLimits, Commands, type Mapping } from './commands.ts';
import { isAddress, Line, type RedisConnection } from './line.ts';

export interface RedisIngressOptions {
  /** `redis://127.0.0.1:6379`, or `rediss:` for TLS; a name and a password may be in it. */
  readonly url: string;
  readonly connection?: RedisConnection;
  /**
   * The channel on which commands come. Default `callboard`; false: none. Whoever may publish on it commands the server: Redis'
   * access control lists (`ACL SETUSER … &callboard`) say who.
   */
  readonly channel?: string | false;
  /**
   * Channels that others publish on in their own words, by pattern (as of PSUBSCRIBE: `inventory-*`), and what commands these make.
   * A mapping that throws has found the message malformed.
   */
  readonly foreign?: Readonly<Record<string, Mapping>>;
  readonly limits?: Partial<CommandLimits>;
  /** Between two attempts to connect, in milliseconds: at first `minMs` (default 250), doubled up to `maxMs` (default 10,000) until one stands for 15 s. */
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number };
  /** From 0 to below 1, for the jitter of the backoff; for tests. */
  readonly random?: () => number;
}

/** `server.redisIngress`. */
export interface RedisIngress {
  /** Whether what is published in Redis now arrives here. */
  readonly connected: boolean;
}

interface RedisEvent {
  readonly type: 'REDIS_CONNECTED' | 'REDIS_LOST';
  /** Milliseconds since 1970 (UTC). */
  readonly at: number;
}

/** What the plugin refetch adds to a server: what was bumped while Redis was away nobody has heard of. */
interface Revalidates {
  readonly refetch?: { revalidate(): unknown };
}

/**
 * Commands from any backend by Redis PUBLISH. Needs Redis ≥ 6.2, or Valkey. Without it the server works, and connects when it is there.
 * @throws TypeError where the URL is none of Redis', or there is nothing to subscribe to; RangeError where a number is not above 0.
 */
export function redisIngress(options: RedisIngressOptions): Plugin<'redisIngress', RedisIngress> {
  const { url, channel = 'callboard', foreign = {}, limits, backoff } = options;
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol) || !isAddress(url))
    throw new TypeError('url is no redis: or rediss: address');
  if (channel === false && Object.keys(foreign).length === 0)
    throw new TypeError('there is no channel to subscribe to');
  for (const [name, value] of Object.entries({ ...limits, ...backoff }))
    if (value !== undefined && !(value > 0)) throw new RangeError(`${name} must be a number above 0`);
  return definePlugin({ name: 'redisIngress', setup: (context) => setUp(context, options) });
}

function setUp(context: PluginContext, options: RedisIngressOptions): RedisIngress {
  const { server, clock, logger, event, metric, onDispose } = context;
  const { url, connection = {}, channel = 'callboard', foreign = {}, backoff } = options;
  const { random = Math.random, limits } = options;
  const connected = event<RedisEvent>('REDIS_CONNECTED');
  const lost = event<RedisEvent>('REDIS_LOST');
  const commands = new Commands(server, clock, logger, {
    maxMessageBytes: limits?.maxMessageBytes ?? 1_048_576,
    maxRunning: limits?.maxRunning ?? 10_000,
  });
  let connects = 0;
  const line = new Line(
    {
      ...{ url, connection, random },
      channels: channel === false ? [] : [channel],
      patterns: Object.keys(foreign),
      backoff: { minMs: backoff?.minMs ?? 250, maxMs: backoff?.maxMs ?? 10_000 },
    },
    clock,
    logger,
    {
      ready: () => {
        connects++;
        connected({ type: 'REDIS_CONNECTED', at: clock.now() });
        Promise.resolve((server as Revalidates).refetch)
          .then((refetch) => refetch?.revalidate())
          .catch((cause: unknown) => logger.error('watches were not revalidated', { cause }));
      },
      lost: () => lost({ type: 'REDIS_LOST', at: clock.now() }),
      message: (text, from) => commands.receive(text, from),
      patternMessage: (text, from, pattern) => commands.receive(text, from, foreign[pattern]),
    },
  );
  server.events$.subscribe(({ type }) => {
    if (type === 'SERVER_STARTED') line.open();
  });
  onDispose(() => line.close());
  metric('connected', () => (line.ready ? 1 : 0));
  metric('connects', () => connects);
  metric('done', () => commands.done);
  metric('malformed', () => commands.malformed);
  metric('failed', () => commands.failed);
  metric('dropped', () => commands.dropped);
  metric('running', () => commands.running);
  return {
    get connected() {
      return line.ready;
    },
  };
}
