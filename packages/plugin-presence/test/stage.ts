import { type Client, type ClientPluginApis, createClient } from '@callboard/client';
import type { UserId } from '@callboard/protocol';
import {
  collectingLogger,
  createHarness,
  type HarnessOptions,
  type LogEntry,
  MemoryRoad,
  SimulatedClock,
} from '@callboard/testkit';
import { type PresenceClientOptions, presenceClient, type WatchedUsers } from '../src/client.ts';
import { type PresenceOptions, presence } from '../src/index.ts';

/** A clock that can be set: what passes by timers is another thing. */
export class SetClock extends SimulatedClock {
  setByMs = 0;

  override now(): number {
    return super.now() + this.setByMs;
  }
}

export interface StageOptions extends PresenceOptions {
  readonly server?: Omit<HarnessOptions, 'plugins' | 'clock'>;
}

export interface TabOptions extends PresenceClientOptions {
  readonly device?: string;
  readonly token?: string;
  readonly random?: () => number;
}

type Harness = Awaited<ReturnType<typeof harnessOf>>;

/** A tab, a process, a device with the client library. */
export interface Tab {
  readonly client: Client & ClientPluginApis<readonly [ReturnType<typeof presenceClient>]>;
  readonly presence: Tab['client']['presence'];
  readonly logs: readonly LogEntry[];
  /** Its connection is gone, and it does not come back. */
  crash(): void;
}

/** What a watcher was told, in words: `2 ONLINE`. */
export type Seen = string[];

/** A server with presence in simulated time, and clients of it. */
export class Stage {
  readonly clock: SetClock;
  readonly harness: Harness;
  readonly server: Harness['server'];
  readonly tabs: Tab[] = [];

  private constructor(harness: Harness, clock: SetClock) {
    this.harness = harness;
    this.clock = clock;
    this.server = harness.server;
  }

  static async begin({ server, ...options }: StageOptions = {}): Promise<Stage> {
    const clock = new SetClock();
    const harness = await harnessOf(clock, { canWatch: () => true, ...options }, server);
    return new Stage(harness, clock);
  }

  /** A tab that has its connection, and knows its own presence. */
  async tab(userId: UserId, options: TabOptions = {}): Promise<Tab> {
    const tab = this.open(userId, options);
    await this.settle();
    return tab;
  }

  /** The same, on its way. */
  open(userId: UserId, { device, token, random, ...options }: TabOptions = {}): Tab {
    const logger = collectingLogger();
    let isDead = false;
    const road = new MemoryRoad(() => {
      if (isDead) throw new Error('its process is gone');
      return this.harness;
    });
    const client = createClient({
      endPoint: 'ws://memory',
      userId,
      timers: this.clock,
      logger,
      random: random ?? (() => 0.5),
      transport: road,
      plugins: [presenceClient(options)],
      ...(device !== undefined && { device }),
      ...(token !== undefined && { token }),
    });
    const tab = {
      client,
      presence: client.presence,
      logs: logger.logs,
      crash() {
        isDead = true;
        road.wire?.cut();
      },
    };
    this.tabs.push(tab);
    return tab;
  }

  /** Says goodbye, as a page does that is closed or reloaded. */
  async close(tab: Tab): Promise<void> {
    this.tabs.splice(this.tabs.indexOf(tab), 1);
    await this.finish(tab.client.close());
  }

  /** The connection is gone without a word; the client comes back by itself. */
  async cut(tab: Tab): Promise<void> {
    tab.client.drop();
    await this.settle();
  }

  /** The process is gone without a word, and does not come back. */
  async crash(tab: Tab): Promise<void> {
    this.tabs.splice(this.tabs.indexOf(tab), 1);
    tab.crash();
    await this.settle();
  }

  /** Lets time pass, timer by timer, with all that each of them begins. */
  async pass(ms: number): Promise<void> {
    await this.settle();
    await this.clock.advanceAsync(ms);
    await this.settle();
  }

  /** What is on its way arrives, except for what waits for its time. */
  async settle(): Promise<void> {
    for (let i = 0; i < 6; i++) await this.clock.settle();
  }

  async finish<T>(work: Promise<T>): Promise<T> {
    return this.harness.until(work);
  }

  async end(): Promise<void> {
    for (const tab of [...this.tabs]) await this.close(tab);
    await this.finish(this.server.disconnect({ graceMs: 0 }));
  }

  /** The status of a user as the server has it. */
  status(userId: UserId): string {
    return this.server.users.get(String(userId))?.status.status ?? 'OFFLINE';
  }
}

/** Watches, and notes what it is told in words. */
export function watch(tab: Tab, userIds: UserId | readonly UserId[]): Seen {
  const seen: Seen = [];
  tab.presence.watch(userIds).subscribe({
    next: ({ changed, refused }: WatchedUsers) => {
      for (const { userId, status, doNotDisturb } of changed)
        seen.push(`${userId} ${status}${doNotDisturb ? ' dnd' : ''}`);
      for (const [id, code] of refused) seen.push(`${id} ${code}`);
    },
    complete: () => seen.push('end'),
  });
  return seen;
}

function harnessOf(clock: SetClock, options: PresenceOptions, server: StageOptions['server'] = {}) {
  return createHarness({ ...server, clock, plugins: [presence(options)] });
}
