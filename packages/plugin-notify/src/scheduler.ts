import { randomUUID } from 'node:crypto';
import type { Clock, Logger } from '@callboard/core';
import type { CatchUp } from './catch-up.ts';
import { Grouped } from './grouped.ts';
import type { Recipients } from './recipients.ts';
import { backoffMs, reasonOf } from './retry.ts';
import type { Claimed, Entry, Step } from './store.ts';
import { inTime, StoreGone, type StoreLine } from './store-line.ts';
import { type TellHost, tell } from './tell.ts';
import type { Telling, Way } from './ways.ts';

export interface SchedulerHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly line: StoreLine;
  readonly recipients: Recipients;
  readonly ways: readonly Way[];
  readonly leaseMs: number;
  readonly longestSleepMs: number;
  /** Notifications are forgotten so long after they have expired. */
  readonly keepMs: number;
  /** Tells people here what other nodes have told; undefined where there are none. */
  readonly catchUp: CatchUp | undefined;
  /** From 0 to below 1. */
  random(): number;
}

/** Notices that are told at the same time, and people that are entered in one transaction. */
const MOST_RUNNING = 100;
const MOST_ENTERED = 2_000;
const PRUNE_EVERY_MS = 3_600_000;
/** Rows, so that nobody waits long for it. */
const PRUNED_AT_ONCE = 500;
const STOP_MS = 5_000;
const WAY_TIMEOUT_MS = 60_000;
/** From when something was due until what another node has told of it is looked for. */
const CATCH_UP_MS = 1_000;
/** Until a row that another node has locked is looked at again. */
const LOCKED_MS = 20;

/** Sleeps until something is due, claims it, and has it told. */
export class Scheduler {
  /** Notices told to their last page, that is by this node; those that were given up, and failures. */
  told = 0;
  skipped = 0;
  retried = 0;
  readonly #running = new Set<Claimed>();
  /** Leases of notices whose telling ended when the store was gone. */
  #abandoned: Claimed[] = [];
  #giveBackAt = 0;
  /** Since the last notice that was told. */
  #abandonings = 0;
  readonly #host: SchedulerHost;
  readonly #entering: Grouped<Entry, boolean>;
  readonly #settling: Grouped<Step, boolean>;
  /** One for each way: a slow one does not hold up those before it. */
  readonly #spreading: readonly Grouped<Telling, void>[];
  #loop: Promise<void> | undefined;
  #stopping = false;
  #looking = false;
  #holding: unknown;
  #wakeUp: (() => void) | undefined;
  /** When to look again at the latest, said while it was awake. */
  #wanted = Number.POSITIVE_INFINITY;
  #pruneAt = 0;
  #catchUpAt = Number.POSITIVE_INFINITY;
  /** When something was to be due, as of the last look. */
  #expected = Number.POSITIVE_INFINITY;
  /** Looks that failed since the last one that did not. */
  #failures = 0;

  constructor(host: SchedulerHost) {
    const { clock, line } = host;
    this.#host = host;
    if (host.catchUp !== undefined) this.#catchUpAt = 0;
    const endOfTurn = (task: () => void) => clock.endOfTurn(task);
    this.#entering = new Grouped(
      (entries) => line.call((store) => store.enter(entries)),
      endOfTurn,
      MOST_ENTERED,
      ({ users }) => users.length,
    );
    this.#settling = new Grouped(
      (steps) => line.call((store) => store.settle(steps, clock.now())),
      endOfTurn,
      MOST_RUNNING,
      () => 1,
    );
    this.#spreading = host.ways.map(
      (way) =>
        new Grouped(
          async (tellings) => {
            const telling = (async () => way.tell(tellings))();
            const { name, timeoutMs = WAY_TIMEOUT_MS } = way;
            await inTime(clock, timeoutMs, telling, `${name} took too long`);
            return tellings.map(() => undefined);
          },
          endOfTurn,
          MOST_ENTERED,
          ({ users }) => users.length,
        ),
    );
  }

  /** Whether something is under way, other than sleep. */
  get busy(): boolean {
    return this.#looking || this.#running.size > 0;
  }

  start(): void {
    this.#stopping = false;
    this.#loop ??= this.#run();
  }

  /** Finishes the pages that are begun, within 5 s, and gives back the rest. */
  async stop(): Promise<void> {
    if (this.#loop === undefined) return;
    this.#stopping = true;
    this.wake(Number.NEGATIVE_INFINITY);
    const { clock } = this.#host;
    let late = false;
    const limit = clock.setTimeout(() => {
      late = true;
      this.#wakeUp?.();
    }, STOP_MS);
    await this.#loop;
    while (this.#running.size > 0 && !late) await new Promise<void>((resolve) => this.#onWake(resolve));
    clock.clearTimeout(limit);
    clock.clearTimeout(this.#holding);
    this.#holding = undefined;
    this.#loop = undefined;
  }

  /** Something is due then. */
  wake(at: number): void {
    this.#wanted = Math.min(this.#wanted, at);
    if (Number.isFinite(at)) this.#expected = Math.min(this.#expected, at);
    this.#wakeUp?.();
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      this.#looking = true;
      this.#wanted = Number.POSITIVE_INFINITY;
      const next = await this.#look();
      this.#looking = false;
      if (!this.#stopping) await this.#sleep(next);
    }
  }

  /** Claims what is due, and says when to look again. */
  async #look(): Promise<number> {
    const { clock, line, leaseMs, longestSleepMs } = this.#host;
    try {
      await this.#giveBack();
      const limit = MOST_RUNNING - this.#running.size;
      const now = clock.now();
      const claim = { lease: randomUUID(), now, until: now + leaseMs, limit };
      const claimed = limit === 0 ? [] : await line.call((store) => store.claim(claim));
      for (const each of claimed) void this.#tell(each);
      if (this.#host.catchUp !== undefined && this.#expected <= now)
        this.#catchUpAt = Math.min(this.#catchUpAt, now + CATCH_UP_MS);
      // Woken when half of them are told.
      if (claimed.length === limit) {
        this.#failures = 0;
        return clock.now() + longestSleepMs;
      }
      await this.#prune();
      await this.#catchUp();
      const next = (await line.call((store) => store.nextAt())) ?? Number.POSITIVE_INFINITY;
      this.#expected = next;
      // What is due and was not claimed another node is just claiming.
      this.#failures = 0;
      const soonest = Math.max(Math.min(next, this.#catchUpAt), clock.now() + LOCKED_MS);
      return Math.min(soonest, clock.now() + longestSleepMs);
    } catch {
      // Said by the line already. Of several calls one may have succeeded: it is not back for that.
      this.#wanted = Number.POSITIVE_INFINITY;
      return clock.now() + backoffMs(++this.#failures, 30_000, this.#host.random);
    }
  }

  async #tell(claimed: Claimed): Promise<void> {
    const { logger, clock } = this.#host;
    const { id, lease, attempts, notification } = claimed;
    this.#running.add(claimed);
    this.#holdLater();
    try {
      await tell(claimed, this.#tellHost);
    } catch (cause) {
      if (cause instanceof StoreGone) this.#abandon(claimed);
      else {
        this.retried++;
        logger.error('a notification could not be told, and is tried again', {
          key: notification.key,
          cause,
        });
        const at = clock.now() + backoffMs(attempts + 1, 300_000, this.#host.random);
        await this.#settling
          .add({ id, lease, kind: 'retry', at, why: reasonOf(cause) })
          .catch(() => this.#abandon(claimed));
        this.wake(at);
      }
    } finally {
      this.#running.delete(claimed);
      if (this.#stopping || this.#running.size === MOST_RUNNING / 2) this.wake(Number.NEGATIVE_INFINITY);
    }
  }

  get #tellHost(): TellHost {
    const { clock, leaseMs, recipients } = this.#host;
    const scheduler = this;
    return {
      now: () => clock.now(),
      leaseMs,
      get stopping() {
        return scheduler.#stopping;
      },
      page: ({ notification }, after) => recipients.page(notification.to, after),
      enter: (entry) => this.#entering.add(entry),
      spread: async (telling) => {
        for (const way of this.#spreading) await way.add(telling);
      },
      settle: async (step) => {
        const held = await this.#settling.add(step);
        this.#abandonings = 0;
        if (held && step.kind === 'told') this.told++;
        if (held && step.kind === 'skipped') this.skipped++;
        return held;
      },
    };
  }

  /** Leases are held for as long as their notices are being told. */
  #holdLater(): void {
    const { clock, leaseMs, line } = this.#host;
    this.#holding ??= clock.setTimeout(() => {
      this.#holding = undefined;
      if (this.#running.size === 0) return;
      const until = clock.now() + leaseMs;
      const steps = [...this.#running].map(({ id, lease }): Step => ({ id, lease, kind: 'hold', until }));
      // Where that fails, their own next step does too.
      line.call((store) => store.settle(steps, clock.now())).catch(() => {});
      this.#holdLater();
    }, leaseMs / 3);
  }

  #abandon(claimed: Claimed): void {
    this.#abandoned.push(claimed);
    this.#giveBackAt = this.#host.clock.now() + backoffMs(++this.#abandonings, 30_000, this.#host.random);
    this.wake(this.#giveBackAt);
  }

  async #giveBack(): Promise<void> {
    const abandoned = this.#abandoned;
    if (abandoned.length === 0 || this.#host.clock.now() < this.#giveBackAt) return;
    this.#abandoned = [];
    const steps = abandoned.map(({ id, lease }): Step => ({ id, lease, kind: 'release' }));
    try {
      await this.#host.line.call((store) => store.settle(steps, this.#host.clock.now()));
    } catch (error) {
      this.#abandoned.push(...abandoned);
      throw error;
    }
  }

  async #catchUp(): Promise<void> {
    const { clock, catchUp, longestSleepMs, logger } = this.#host;
    if (catchUp === undefined || clock.now() < this.#catchUpAt) return;
    this.#catchUpAt = clock.now() + longestSleepMs;
    try {
      await catchUp.run();
    } catch (cause) {
      if (cause instanceof StoreGone) throw cause;
      logger.error('people were not told what another node has for them', { cause });
    }
  }

  async #prune(): Promise<void> {
    const { clock, line, keepMs } = this.#host;
    const now = clock.now();
    if (now < this.#pruneAt) return;
    const forgotten = await line.call((store) => store.prune(now - keepMs, PRUNED_AT_ONCE));
    if (forgotten === 0) this.#pruneAt = now + PRUNE_EVERY_MS;
    else this.wake(now);
  }

  /** Until then, or until something is wanted sooner: in pieces, as the clock may be set back meanwhile. */
  async #sleep(until: number): Promise<void> {
    const { clock, longestSleepMs } = this.#host;
    for (;;) {
      const ms = Math.ceil(Math.min(until, this.#wanted) - clock.now());
      if (ms <= 0) return;
      await new Promise<void>((resolve) => {
        const timer = clock.setTimeout(() => this.#wakeUp?.(), Math.min(ms, longestSleepMs));
        this.#onWake(() => {
          clock.clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #onWake(task: () => void): void {
    this.#wakeUp = () => {
      this.#wakeUp = undefined;
      task();
    };
  }
}
