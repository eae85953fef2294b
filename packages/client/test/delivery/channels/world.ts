import assert from 'node:assert/strict';
import { provide, tokens } from '@callboard/core';
import { createHarness, type Harness, SimulatedClock } from '@callboard/testkit';
import { Errands } from '../errands.ts';
import { Random } from '../random.ts';
import { limits, retention, Service } from '../service.ts';
import type { Tally } from '../tally.ts';
import { type Command, doIt } from './deeds.ts';
import type { Listener } from './listener.ts';
import { type Data, PublicationLog } from './publications.ts';
import { ChannelService, channels, isRetained, type Kind, kindOf } from './service.ts';
import { Tab } from './tab.ts';
import { ChannelWitness } from './witness.ts';

export interface Setting {
  /** Tabs of each user at the beginning. */
  readonly tabs: readonly number[];
  /** What the clients do about a send whose connection is lost. */
  readonly resend: boolean;
  readonly maxChannels: number;
  readonly maxOutcomes: number;
  readonly seed: number;
}

/** More tabs than this a user does not open. */
const MOST_TABS = 2;
/** So much is never reached. */
const MANY = 1_000;
/** For all time-outs, backoffs and silences. */
const REST_MS = 60_000;
/** For what is published last. */
const LAST_MS = 3_000;
/** For all that is remembered, keys included. */
const FORGET_MS = 320_000;

/** A server, its channels, its users' clients, and all that lies between them; anything may happen to them. */
export class World {
  readonly clock: SimulatedClock;
  readonly harness: Harness;
  readonly log: PublicationLog;
  readonly service: Service;
  readonly rights: ChannelService;
  readonly errands: Errands;
  readonly random: Random;
  readonly tally: Tally;
  readonly users: readonly string[];
  readonly tabs: Tab[] = [];
  /** While the server is being stopped, or is. */
  stopping: Promise<void> | undefined;
  /** Counts stops and starts of the server: an even one while it runs. */
  life = 0;
  readonly #setting: Setting;
  #ids = 0;
  #versions = 0;
  #fault: unknown;

  private constructor(
    setting: Setting,
    tally: Tally,
    harness: Harness,
    log: PublicationLog,
    service: Service,
    rights: ChannelService,
  ) {
    this.clock = harness.clock;
    this.harness = harness;
    this.log = log;
    log.life = () => this.life;
    this.service = service;
    this.rights = rights;
    const rememberedMs = setting.maxOutcomes < MANY ? 0 : limits.requestTimeoutMs + limits.resumeWindowMs;
    this.errands = new Errands(harness.clock, tally, rememberedMs);
    this.random = new Random(setting.seed + 1);
    this.tally = tally;
    this.users = setting.tabs.map((_, place) => `user ${place + 1}`);
    this.#setting = setting;
    for (const [place, tabs] of setting.tabs.entries())
      for (let i = 0; i < tabs; i++) this.openTab(this.users[place] as string);
  }

  static async begin(setting: Setting, tally: Tally): Promise<World> {
    const { maxChannels, maxOutcomes } = setting;
    let ticks = 0;
    const tick = () => ++ticks;
    const clock = new SimulatedClock();
    const log = new PublicationLog(clock, retention, new Random(setting.seed), tick);
    log.nowMs = () => clock.now();
    const service = new Service(clock);
    const rights = new ChannelService(clock, tick);
    const harness = await createHarness({
      clock,
      provide: [provide(tokens.streamLog, log)],
      limits: { ...limits, maxChannels, maxOutcomes },
      verifyClient: service.verifyClient,
      channels: rights.policies,
    });
    return new World(setting, tally, harness as unknown as Harness, log, service, rights);
  }

  async run(commands: readonly Command[]): Promise<void> {
    for (const command of commands) {
      try {
        await doIt(this, command);
        this.#look();
      } catch (cause) {
        throw new Error(`at ${JSON.stringify(command)}: ${String(cause)}`, { cause });
      }
    }
  }

  id(): string {
    return `${++this.#ids}`;
  }

  version(): number {
    return ++this.#versions;
  }

  /** A fault, where it cannot be thrown. */
  found(fault: unknown): void {
    this.#fault ??= fault;
  }

  openTab(userId: string): void {
    const { log, clock, random, tally, rights } = this;
    if (this.tabs.filter((tab) => tab.userId === userId).length >= MOST_TABS) return;
    const { resend } = this.#setting;
    const memory = this.harness.transport;
    this.tabs.push(new Tab(userId, { memory, log, clock, random, tally, resend, service: rights }));
  }

  async closeTab(tab: Tab): Promise<void> {
    this.tabs.splice(this.tabs.indexOf(tab), 1);
    tab.roads.late();
    void tab.close();
    await this.clock.settle();
    tab.look();
  }

  stop(graceMs: number): void {
    if (this.stopping !== undefined) return;
    this.life++;
    this.stopping = this.harness.server.disconnect({ graceMs });
  }

  async start(): Promise<void> {
    if (this.stopping === undefined) return;
    await this.harness.until(this.stopping);
    await this.harness.server.start();
    this.life++;
    this.stopping = undefined;
    this.tally.count('restarts');
  }

  /** A user gets the right to channels of one kind, or loses it; the server is told. */
  changeRight(userId: string, kind: Kind, may: boolean): void {
    if (this.rights.may(userId, kind) === may) return;
    this.tally.count(may ? 'rights given' : 'rights taken');
    const tabs = this.tabs.filter((tab) => tab.userId === userId);
    const affected = channels.filter((channel) => kindOf(channel) === kind);
    for (const tab of tabs) for (const channel of affected) tab.changes(channel);
    const changed = this.rights.change(userId, kind, may);
    const told = this.harness.server.recheckRights(userId).then(() => {
      changed();
      for (const tab of tabs) for (const channel of affected) tab.changed(channel);
    });
    told.catch((fault) => this.found(fault));
  }

  /** All goes well for a while, and everything comes to rest. Then everybody knows what there is to be known. */
  async rest(): Promise<void> {
    this.log.mood = 'prompt';
    this.service.lets = 'in';
    this.rights.answers = 'at once';
    for (const tab of this.tabs) tab.roads.thawAll();
    await this.start();
    await this.clock.advanceAsync(REST_MS);
    this.#look();
    for (const tab of this.tabs) assert.equal(tab.client.getStatus(), 'ONLINE');
    for (const channel of channels) this.#asBelieved(channel);
    this.#allKnow();
    this.tally.count('rests');
  }

  async end(): Promise<void> {
    await this.rest();
    // That a channel has begun anew shows with the first that comes, which may be lost by that.
    await this.#publishEverywhere();
    const last = await this.#publishEverywhere();
    this.#look();
    for (const { witness, refused } of this.#listeners)
      if (refused === undefined) for (const [channel, id] of last) witness.has(channel, id);
    this.#allKnow();
    this.errands.end();
    for (const [reason, times] of Object.entries(this.harness.server.stats().disconnects))
      this.tally.count(`closed ${reason}`, times);
    await this.#leave();
  }

  async #publishEverywhere(): Promise<[channel: string, id: string][]> {
    const published = channels.map((channel): [string, string] => [channel, this.id()]);
    for (const [channel, id] of published)
      await this.harness.server.publish(channel, { id, text: '' } satisfies Data);
    await this.clock.advanceAsync(LAST_MS);
    return published;
  }

  #look(): void {
    if (this.#fault !== undefined) throw this.#fault;
    for (const tab of this.tabs) tab.look();
    this.errands.look();
  }

  #allKnow(): void {
    for (const listener of this.#listeners) {
      const { name, witness, refused } = listener;
      listener.atHead();
      if (refused === undefined && witness instanceof ChannelWitness && isRetained(name)) witness.knowsLast();
    }
  }

  get #listeners(): Listener[] {
    return this.tabs.flatMap(({ listeners }) => [...listeners.values()]);
  }

  /** The server has those as subscribers who want to be, and may. */
  #asBelieved(channel: string): void {
    const subscribers = [...this.harness.server.channel(channel).subscribers].map(({ id }) => id);
    const wanting = this.tabs.filter(({ userId, listeners }) => {
      const listener = listeners.get(channel);
      if (listener === undefined) return false;
      const may = this.rights.may(userId, kindOf(channel));
      if (!may) assert.ok(listener.refused, `${userId} may not read ${channel} and was not told`);
      if (listener.refused === undefined) return true;
      this.tally.count(`refused ${listener.refused}`);
      return false;
    });
    assert.deepEqual(subscribers.sort(), wanting.map(({ clientId }) => clientId).sort(), channel);
  }

  /** Everybody goes; then nothing is left but last values, on either side. */
  async #leave(): Promise<void> {
    const { server, transport, errors } = this.harness;
    for (const tab of this.tabs) void tab.close();
    await this.clock.advanceAsync(FORGET_MS);
    const kept = channels.filter(isRetained).length;
    assert.deepEqual(server.stats().clients, { online: 0, resumable: 0, connecting: 0 });
    assert.deepEqual([server.users.size, transport.connections], [0, 0]);
    assert.deepEqual([server.stats().channels, this.log.size], [kept, kept], 'only last values are kept');
    for (const channel of channels) assert.equal(server.channel(channel).subscribers.size, 0);
    const unexpected = errors.filter(({ message }) => !expected.has(message));
    assert.deepEqual(unexpected, [], 'the server logged an error');
    assert.equal(this.clock.pendingTimers, 1, 'timers are left besides the heartbeat’s');
    await this.harness.until(server.disconnect());
    assert.deepEqual([this.log.size, this.clock.pendingTimers], [0, 0]);
  }
}

/** What the server is to log as errors, by what the application and the log do. */
const expected = new Set([
  'a handshake failed',
  'a message was not appended',
  'a publication was not appended',
  'a right could not be checked',
  'a request failed',
  'the verifier failed',
]);
