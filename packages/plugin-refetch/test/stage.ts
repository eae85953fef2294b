import { type Client, type ClientPluginApis, createClient } from '@callboard/client';
import type { Gateway, Transport, UserId } from '@callboard/core';
import {
  collectingLogger,
  createHarness,
  type HarnessOptions,
  LiveClock,
  type LogEntry,
  MemoryRoad,
  TestClient,
  until,
} from '@callboard/testkit';
import {
  type Page,
  type RefetchClientOptions,
  refetchClient,
  type Watch,
  type WatchOptions,
} from '../src/client.ts';
import type { RefetchOptions } from '../src/options.ts';
import { refetch } from '../src/refetch.ts';
import { Api } from './api.ts';

/** Turns without anything under way, after which nothing is on its way either. */
const QUIET_TURNS = 15;

export interface StageOptions extends Partial<RefetchOptions> {
  readonly server?: Pick<HarnessOptions, 'limits' | 'channels' | 'port' | 'host'> & {
    readonly transports?: readonly (Transport | Gateway)[];
  };
}

/** A page somebody has open. */
export interface Tab {
  readonly client: Client & ClientPluginApis<readonly [ReturnType<typeof refetchClient>]>;
  readonly logs: readonly LogEntry[];
  /** Whether it gets a connection. */
  online: boolean;
  /** To the server, with the connection that it has, or had. */
  readonly road: MemoryRoad;
  /** Watches, and notes what comes. */
  watch(path: string, options?: WatchOptions): Promise<Watched>;
}
export interface Watched {
  readonly watch: Watch;
  readonly pages: Page[];
  readonly states: string[];
}

type Harness = Awaited<ReturnType<typeof harnessOf>>;

/** An API, a server before it and tabs of people, on one clock. */
export class Stage {
  readonly clock = new LiveClock();
  readonly api: Api;
  readonly tabs: Tab[] = [];
  node!: Harness;

  private constructor(api: Api) {
    this.api = api;
  }

  static async open(options: StageOptions = {}): Promise<Stage> {
    const stage = new Stage(await Api.start());
    await stage.serve(options);
    return stage;
  }

  /** A server, in the place of the one before. */
  async serve(options: StageOptions = {}): Promise<void> {
    this.node = await harnessOf(this.clock, this.api.origin, options);
  }

  get refetch(): Harness['server']['refetch'] {
    return this.node.server.refetch;
  }

  get stats(): Readonly<Record<string, number>> {
    return this.node.server.stats().plugins.refetch ?? {};
  }

  async end(): Promise<void> {
    for (const { client } of this.tabs) await this.finish(client.close());
    await this.finish(this.node.server.disconnect({ graceMs: 0 }));
    await this.api.kill();
  }

  async tab(userId: UserId, options: RefetchClientOptions = {}): Promise<Tab> {
    const logger = collectingLogger();
    const tab: { -readonly [K in keyof Tab]: Tab[K] } = { logs: logger.logs, online: true } as unknown as Tab;
    tab.road = new MemoryRoad(() => {
      if (!tab.online) throw new Error('there is no way');
      return this.node;
    });
    tab.client = createClient({
      endPoint: 'ws://memory',
      userId,
      timers: this.clock,
      logger,
      random: () => 0.5,
      transport: tab.road,
      plugins: [refetchClient(options)],
    });
    tab.watch = async (path, watchOptions) => {
      const watched: Watched = { watch: tab.client.refetch.watch(path, watchOptions), pages: [], states: [] };
      watched.watch.subscribe((page) => void watched.pages.push(page));
      watched.watch.state$.subscribe((now) =>
        watched.states.push(now.state === 'stale' ? now.why : now.state === 'ended' ? now.code : now.state),
      );
      await this.quiet();
      return watched;
    };
    this.tabs.push(tab);
    await this.quiet();
    return tab;
  }

  /** A client that speaks the wire's language itself. */
  async raw(userId: UserId): Promise<TestClient> {
    const client = new TestClient(() => this.node.transport.connect(), { userId });
    await client.connect();
    return client;
  }

  /** Bumps, and waits until all has come of it. */
  async bump(...args: Parameters<Harness['server']['refetch']['bump']>): Promise<number> {
    const watched = this.refetch.bump(...args);
    await this.pass(30);
    return watched;
  }

  /** Lets time pass, timer by timer, and what each begins come to its end. */
  pass(ms: number): Promise<void> {
    return this.clock.pass(ms, () => this.quiet());
  }

  /** Everything that is under way is done. */
  async quiet(): Promise<void> {
    let quietTurns = 0;
    await until(() => {
      // More run than wait for an answer; or the API has yet to notice that nobody waits for it any more.
      quietTurns = this.stats.running === this.api.held ? quietTurns + 1 : 0;
      return quietTurns > QUIET_TURNS;
    }, 'rest');
  }

  /** What takes simulated time. */
  finish<T>(work: Promise<T>): Promise<T> {
    return this.clock.until(work);
  }
}

function harnessOf(clock: LiveClock, upstream: string, { server = {}, ...options }: StageOptions) {
  const plugins = [
    refetch({ upstream, paths: ['/users/*', '/public/**'], random: () => 0, ...options }),
  ] as const;
  // A gateway stands among the transports of a server.
  const transports = (server.transports ?? []) as Transport[];
  return createHarness({ clock, ...server, transports, plugins });
}
