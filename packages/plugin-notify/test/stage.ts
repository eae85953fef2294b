import { type Client, type ClientPluginApis, createClient } from '@callboard/client';
import type { UserId } from '@callboard/core';
import {
  collectingLogger,
  createHarness,
  LiveClock,
  type LogEntry,
  MemoryRoad,
  until,
} from '@callboard/testkit';
import { type ClientNotifications, type Notice, notifyClient } from '../src/client.ts';
import { type NotifyOptions, notify } from '../src/notify.ts';
import type { NotifyStore } from '../src/store.ts';
import { faultyStore } from './faulty-store.ts';
import type { Keeping, Place } from './stores.ts';

/** Turns without anything under way, after which nothing is on its way either. */
const QUIET_TURNS = 12;

export interface NodeOptions extends Partial<NotifyOptions> {
  /** Comes between the node and its store. */
  readonly through?: (store: NotifyStore) => NotifyStore;
}
type Harness = Awaited<ReturnType<typeof harnessOf>>;

/** A node, and whether it is still there. */
export interface Node extends Harness {
  dead: boolean;
  /** Nothing gets from it to its store any more. */
  readonly cutOff: () => void;
}

/** A client that notes what it is told. */
export interface Tab {
  readonly client: Client & ClientPluginApis<readonly [ReturnType<typeof notifyClient>]>;
  readonly notify: ClientNotifications;
  /** What its callback was called with. */
  readonly told: Notice[];
  readonly logs: LogEntry[];
  /** The node that it connects to next. */
  node: Node;
  readonly userId: string;
}

/** A clock that can be set. */
class StageClock extends LiveClock {
  /** By how much it was set forward. */
  setByMs = 0;

  override now(): number {
    return super.now() + this.setByMs;
  }
}

/** Nodes on one database, and tabs of people, on one clock. */
export class Stage {
  readonly clock = new StageClock();
  readonly place: Place;
  readonly nodes: Node[] = [];
  readonly tabs: Tab[] = [];
  readonly listeners: Client[] = [];
  /** Calls that nobody answers, and whose time has not run out. */
  stuck = 0;

  private constructor(place: Place) {
    this.place = place;
  }

  static async at(keeping: Keeping): Promise<Stage> {
    return new Stage(await keeping.make());
  }

  async end(): Promise<void> {
    for (const client of [...this.listeners, ...this.tabs.map((tab) => tab.client)])
      await this.finish(client.close());
    for (const node of this.nodes) if (!node.dead) await this.stop(node);
    this.place.remove();
  }

  async node({ through = (store) => store, ...options }: NodeOptions = {}): Promise<Node> {
    let gone = false;
    const store = faultyStore(options.store ?? through(this.place.open()), () =>
      gone ? { when: 'before', how: 'hangs' } : undefined,
    );
    const harness = await harnessOf(this.clock, { random: () => 0, ...options, store });
    const cutOff = () => {
      gone = true;
    };
    const node = Object.assign(harness, { dead: false, cutOff });
    this.nodes.push(node);
    await this.quiet();
    return node;
  }

  /** As an operator does it. */
  async stop(node: Node): Promise<void> {
    node.dead = true;
    await this.finish(node.server.disconnect({ graceMs: 0 }));
  }

  /** As a crash does it: what it had begun stays as it is, and its clients lose their connections. */
  async kill(node: Node): Promise<void> {
    node.cutOff();
    node.dead = true;
    for (const { client, node: of } of this.tabs) if (of === node) client.drop();
    await this.finish(node.server.disconnect({ graceMs: 0 }));
  }

  /** Somebody opens a page; it is connected, and knows its inbox. */
  async tab(node: Node, userId: UserId): Promise<Tab> {
    const logger = collectingLogger();
    const tab = { node, told: [] as Notice[], logs: logger.logs, userId: String(userId) } as unknown as {
      -readonly [K in keyof Tab]: Tab[K];
    };
    tab.client = createClient({
      endPoint: 'ws://memory',
      userId,
      timers: this.clock,
      logger,
      random: () => 0.5,
      transport: roadOf(tab),
      plugins: [notifyClient()],
    });
    tab.notify = tab.client.notify;
    tab.notify.on((notice) => tab.told.push(notice));
    this.tabs.push(tab);
    await this.quiet();
    return tab;
  }

  /** A client without this plugin's half, as a device is: it notes each item that it is sent. */
  async listener(node: Node, userId: UserId): Promise<string[]> {
    const heard: string[] = [];
    const client = createClient({
      endPoint: 'ws://memory',
      userId,
      timers: this.clock,
      transport: roadOf({ node }),
    });
    client.subscribe('NOTIFICATION', ({ items }) => {
      heard.push(...(items as readonly Notice[]).map(({ key }) => key));
    });
    this.listeners.push(client);
    await client.connect();
    return heard;
  }

  async close(tab: Tab): Promise<void> {
    this.tabs.splice(this.tabs.indexOf(tab), 1);
    await this.finish(tab.client.close());
  }

  /** Lets time pass, timer by timer, and what each begins come to its end. */
  pass(ms: number): Promise<void> {
    return this.clock.pass(ms, () => this.quiet());
  }

  /** Everything that is under way is done. */
  async quiet(): Promise<void> {
    let quietTurns = 0;
    await until(() => {
      quietTurns = this.#busy() && this.stuck === 0 ? 0 : quietTurns + 1;
      return quietTurns > QUIET_TURNS;
    }, 'rest');
  }

  /** What takes simulated time. */
  finish<T>(work: Promise<T>): Promise<T> {
    return this.clock.until(work);
  }

  /** Somebody waits in vain, for as long as the plugin lets them. */
  hangs(): void {
    this.stuck++;
    this.clock.setTimeout(() => this.stuck--, 10_000);
  }

  #busy(): boolean {
    return this.nodes.some(({ dead, server }) => !dead && (server.stats().plugins.notify?.busy ?? 0) > 0);
  }
}

/** Days pass in these tests: what happens every few seconds would take most of their time. */
const rarely = { longestSleepMs: 3_600_000, limits: { pingIntervalMs: 2 ** 30, pongTimeoutMs: 2 ** 20 } };

function harnessOf(clock: LiveClock, options: NotifyOptions) {
  const { limits, longestSleepMs } = rarely;
  const channels = { 'room/+': { canSubscribe: () => true } };
  return createHarness({ clock, limits, channels, plugins: [notify({ longestSleepMs, ...options })] });
}

/** To the node that a tab is to connect to then. */
function roadOf(tab: { readonly node: Node }): MemoryRoad {
  return new MemoryRoad(() => {
    if (tab.node.dead) throw new Error('nobody answers');
    return tab.node;
  });
}
