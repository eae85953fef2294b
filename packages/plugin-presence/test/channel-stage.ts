import {
  type Client,
  type ClientChannelApis,
  type ClientPluginApis,
  type ClientTransport,
  type Contract,
  createClient,
} from '@callboard/client';
import type { ServerOptions, UserId } from '@callboard/core';
import {
  collectingLogger,
  createHarness,
  LiveClock,
  type LogEntry,
  MemoryRoad,
  turn,
} from '@callboard/testkit';
import type { ChannelPresenceEvent } from '../src/channels/client.ts';
import type { Member } from '../src/channels/contract.ts';
import type { ChannelPresencePolicies } from '../src/channels/options.ts';
import { presenceClient } from '../src/client.ts';
import type { PresenceOptions } from '../src/options.ts';
import { presence } from '../src/presence.ts';

/** Turns in which nothing happens, after which nothing is on its way either. */
const QUIET_TURNS = 8;

export type House = Awaited<ReturnType<typeof houseOf>>;
/** A page that somebody has open. */
export interface Tab {
  readonly client: Client<Contract, ClientChannelApis<Halves>> & ClientPluginApis<Halves>;
  /** It has no network. */
  cut: boolean;
}
type Halves = readonly [ReturnType<typeof presenceClient>];
export interface StageOptions extends Omit<PresenceOptions, 'channels'> {
  readonly presenceIn?: ChannelPresencePolicies;
  readonly channels?: ServerOptions['channels'];
  readonly limits?: ServerOptions['limits'];
  readonly verifyClient?: ServerOptions['verifyClient'];
}

/** A server, which may be started anew, and tabs of people, on one clock. */
export class ChannelStage {
  readonly clock = new LiveClock();
  readonly logs: LogEntry[] = [];
  readonly tabs: Tab[] = [];
  house!: House;
  /** Nobody gets through to the server. */
  isDown = false;
  readonly #options: StageOptions;

  private constructor(options: StageOptions) {
    this.#options = options;
  }

  static async with(options: StageOptions = {}): Promise<ChannelStage> {
    const stage = new ChannelStage(options);
    stage.house = await houseOf(stage.clock, options);
    return stage;
  }

  async end(): Promise<void> {
    for (const { client } of this.tabs) await this.finish(client.close());
    await this.finish(this.house.server.disconnect({ graceMs: 0 }));
  }

  /** The server is gone, and another one in its place, which knows nothing. */
  async restart(): Promise<void> {
    this.isDown = true;
    for (const { client } of this.tabs) client.drop();
    await this.finish(this.house.server.disconnect({ graceMs: 0 }));
    this.house = await houseOf(this.clock, this.#options);
    this.isDown = false;
  }

  /** Somebody opens a page. */
  open(userId: UserId): Tab {
    const logger = collectingLogger(this.logs);
    const tab = { cut: false };
    const client = createClient({
      ...{ endPoint: 'ws://memory', userId, timers: this.clock, logger, random: () => 0.5 },
      transport: this.#road(tab),
      plugins: [presenceClient()],
    });
    const opened = Object.assign(tab, { client });
    this.tabs.push(opened);
    return opened;
  }

  /** The same, and it is connected. */
  async tab(userId: UserId): Promise<Tab> {
    const tab = this.open(userId);
    await this.quiet();
    return tab;
  }

  /** As a page that is closed or loaded anew does it. */
  async close(tab: Tab): Promise<void> {
    this.tabs.splice(this.tabs.indexOf(tab), 1);
    await this.finish(tab.client.close());
  }

  /** The page is gone without a word. */
  async crash(tab: Tab): Promise<void> {
    this.lose(tab);
    this.tabs.splice(this.tabs.indexOf(tab), 1);
    await this.finish(tab.client.close());
  }

  /** It has no network until it is found again. */
  lose(tab: Tab): void {
    tab.cut = true;
    tab.client.drop();
  }

  find(tab: Tab): void {
    tab.cut = false;
    void tab.client.connect();
  }

  async quiet(): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS; turns++) await turn();
  }

  /** Lets time pass, timer by timer, and what each begins come to its end. */
  pass(ms: number): Promise<void> {
    return this.clock.pass(ms, () => this.quiet());
  }

  /** What takes simulated time. */
  finish<T>(work: Promise<T>): Promise<T> {
    return this.clock.until(work);
  }

  #road(tab: { readonly cut: boolean }): ClientTransport {
    return new MemoryRoad(() => {
      if (this.isDown || tab.cut) throw new Error('nobody answers');
      return this.house;
    });
  }
}

const open = { canSubscribe: () => true, canPublish: () => true };

function houseOf(clock: LiveClock, options: StageOptions) {
  const { presenceIn = { 'room/+': {} }, channels, verifyClient, limits, ...rest } = options;
  return createHarness({
    clock,
    // What happens every few seconds would take most of the time of these tests.
    limits: { pingIntervalMs: 2 ** 30, pongTimeoutMs: 2 ** 20, ...limits },
    channels: { 'room/+': open, ...channels },
    ...(verifyClient && { verifyClient }),
    plugins: [presence({ ...rest, channels: presenceIn })],
  });
}

/** All that a tab is told of a channel from now on, in short. */
export function heardIn({ client }: Tab, name: string) {
  const events: string[] = [];
  let members: readonly Member[] = [];
  const { presence } = client.channel(name);
  const subscriptions = [
    presence.events$.subscribe((event) => events.push(inShort(event))),
    presence.members$.subscribe((now) => {
      members = now;
    }),
  ];
  return {
    events,
    get members() {
      return shortOf(members);
    },
    /** What was heard since the last time. */
    take: () => events.splice(0),
    off: () => {
      for (const each of subscriptions) each.unsubscribe();
    },
  };
}

/** `44 44{"typing":true} 12`: users with what each of their clients says, in the order of their ids. */
export function shortOf(members: readonly Member[]): string {
  return [...members]
    .sort((a, b) => (a.userId < b.userId ? -1 : 1))
    .map(memberInShort)
    .join(' ');
}

function memberInShort({ userId, clients }: Member): string {
  const said = clients.map(({ meta }) => (Object.keys(meta).length > 0 ? JSON.stringify(meta) : ''));
  return userId + said.sort().join('+');
}

function inShort(event: ChannelPresenceEvent): string {
  switch (event.type) {
    case 'snapshot':
      return `snapshot ${shortOf(event.members)}`.trim();
    case 'counts':
      return `counts ${event.counts.users} ${event.counts.clients}`;
    case 'refused':
      return `refused ${event.error.code}`;
    default:
      return `${event.type} ${memberInShort(event.member)}`;
  }
}
