import { definePlugin, type Plugin, type PluginContext } from '@callboard/core';
import { CatchUp } from './catch-up.ts';
import { type Notifications, ServerNotifications } from './notifications.ts';
import { type Audience, Recipients } from './recipients.ts';
import { answerClients } from './requests.ts';
import { Scheduler } from './scheduler.ts';
import type { NotifyStore } from './store.ts';
import { StoreLine } from './store-line.ts';
import { callboardWay, type Way } from './ways.ts';

export interface NotifyOptions {
  /** `sqliteStore('notify.db')`, `postgresStore(url)`, `mysqlStore(url)`. Closed when the server stops. */
  readonly store: NotifyStore;
  /** Queries of the application by name, for `to: { audience, params }`. */
  readonly audiences?: Readonly<Record<string, Audience>>;
  /** Besides Callboard itself, after it and in this order. */
  readonly ways?: readonly Way[];
  /** Whether there is such a user, for recipients that are named. Default: everybody is. What it throws, `schedule` does. */
  readonly isUser?: (userId: string) => boolean | PromiseLike<boolean>;
  /** Of an action as JSON. Default 16,384. */
  readonly maxActionBytes?: number;
  /** How long a node that died keeps what it was telling, in milliseconds. Default 15,000. */
  readonly leaseMs?: number;
  /** The longest sleep: until what other nodes scheduled, and a clock that was set, is noticed. Default 60,000. */
  readonly longestSleepMs?: number;
  /** For an answer of the database or of an audience, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /**
   * Whether other nodes use the same database: then each looks for what another has told its own people, a second after something was
   * due and at least every `longestSleepMs`. Default false: they find it when they connect next.
   */
  readonly severalNodes?: boolean;
  /** How long expired notifications are remembered, in milliseconds. Default 30 days. */
  readonly keepMs?: number;
  /** From 0 to below 1, for the jitter of repeated attempts; for tests. */
  readonly random?: () => number;
}

interface StoreEvent {
  readonly type: 'NOTIFY_STORE_LOST' | 'NOTIFY_STORE_BACK';
  /** Milliseconds since 1970 (UTC). */
  readonly at: number;
}

const positive = ['maxActionBytes', 'leaseMs', 'longestSleepMs', 'timeoutMs', 'keepMs'] as const;
/** Node's timers cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Scheduled notifications: `server.notify`.
 * @throws RangeError where an option is not a number above 0, or a time is longer than timers can be.
 */
export function notify(options: NotifyOptions): Plugin<'notify', Notifications> {
  for (const name of positive) {
    const value = options[name] ?? 1;
    if (!(value > 0 && (name === 'keepMs' || value <= LONGEST_TIMER_MS)))
      throw new RangeError(`${name} must be a number above 0, and no longer than a timer can be`);
  }
  return definePlugin({ name: 'notify', setup: (context) => setUp(context, options) });
}

function setUp(context: PluginContext, options: NotifyOptions): Notifications {
  const { server, clock, logger, event, metric, onDispose } = context;
  const { store, audiences = {}, ways = [], timeoutMs = 10_000 } = options;
  const { leaseMs = 15_000, longestSleepMs = 60_000, maxActionBytes = 16_384 } = options;
  const { keepMs = 30 * 86_400_000, random = Math.random } = options;
  const lost = event<StoreEvent>('NOTIFY_STORE_LOST');
  const back = event<StoreEvent>('NOTIFY_STORE_BACK');
  const line = new StoreLine({
    ...{ store, clock, logger, timeoutMs },
    lost: () => {
      lost({ type: 'NOTIFY_STORE_LOST', at: clock.now() });
      // Who sleeps would not notice that it is back.
      scheduler.wake(clock.now() + 500);
    },
    back: () => back({ type: 'NOTIFY_STORE_BACK', at: clock.now() }),
  });
  const recipients = new Recipients({ server, clock, logger }, audiences, timeoutMs);
  const callboard = callboardWay(server);
  const catchUp = options.severalNodes ? new CatchUp({ server, clock, line }, callboard) : undefined;
  const scheduler: Scheduler = new Scheduler({
    ...{ clock, logger, line, recipients, leaseMs, longestSleepMs, keepMs, random, catchUp },
    ways: [catchUp?.way ?? callboard, ...ways],
  });
  const notifications = new ServerNotifications({
    ...{ server, clock, logger, line },
    isUser: options.isUser,
    bounds: { maxActionBytes, hasAudience: (name) => recipients.has(name) },
    wake: (at) => scheduler.wake(at),
  });
  answerClients(context, line);
  server.events$.subscribe(({ type }) => {
    if (type === 'SERVER_STARTED') scheduler.start();
  });
  onDispose(async () => {
    await scheduler.stop();
    await line.close();
  });
  metric('storeUp', () => (line.failures === 0 ? 1 : 0));
  metric('storeFailures', () => line.failures);
  metric('busy', () => line.waiting + notifications.spreading + (scheduler.busy ? 1 : 0));
  metric('told', () => scheduler.told);
  metric('skipped', () => scheduler.skipped);
  metric('retried', () => scheduler.retried);
  return notifications;
}
