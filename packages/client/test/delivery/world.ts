import assert from 'node:assert/strict';
import { provide, tokens } from '@callboard/core';
import { createHarness, type Harness, SimulatedClock } from '@callboard/testkit';
import { type Command, doIt } from './deeds.ts';
import { Errands } from './errands.ts';
import { Inboxes } from './inboxes.ts';
import { Random } from './random.ts';
import { call } from './sends.ts';
import { limits, retention, Service } from './service.ts';
import { Tab } from './tab.ts';
import type { Tally } from './tally.ts';

export interface Setting {
  /** Tabs of each user at the beginning. */
  readonly tabs: readonly number[];
  /** What the clients do about a send whose connection is lost. */
  readonly resend: boolean;
  readonly maxFramesPerSecond: number;
  readonly maxPendingRequests: number;
  readonly maxOutcomes: number;
  readonly seed: number;
}

/** More tabs than this a user does not open. */
const MOST_TABS = 3;
/** So much is never reached. */
const MANY = 1_000;
/** For all time-outs, backoffs and silences. */
const REST_MS = 60_000;
/** For what is sent last. */
const LAST_MS = 3_000;
/** For all that is remembered. */
const FORGET_MS = 100_000;

/** A server, its users' clients, and all that lies between them; anything may happen to them. */
export class World {
  readonly clock: SimulatedClock;
  readonly harness: Harness;
  readonly inboxes: Inboxes;
  readonly service: Service;
  readonly errands: Errands;
  readonly random: Random;
  readonly tally: Tally;
  readonly users: readonly string[];
  readonly tabs: Tab[] = [];
  /** While the server is being stopped, or is. */
  stopping: Promise<void> | undefined;
  readonly #setting: Setting;
  readonly #tick: () => number;
  #ids = 0;

  private constructor(
    setting: Setting,
    tally: Tally,
    harness: Harness,
    inboxes: Inboxes,
    service: Service,
    tick: () => number,
  ) {
    this.clock = harness.clock;
    this.harness = harness;
    this.inboxes = inboxes;
    this.service = service;
    const rememberedMs = setting.maxOutcomes < MANY ? 0 : limits.requestTimeoutMs + limits.resumeWindowMs;
    this.errands = new Errands(harness.clock, tally, rememberedMs);
    this.random = new Random(setting.seed + 1);
    this.tally = tally;
    this.users = setting.tabs.map((_, place) => `user ${place + 1}`);
    this.#setting = setting;
    this.#tick = tick;
    for (const [place, tabs] of setting.tabs.entries())
      for (let i = 0; i < tabs; i++) this.openTab(this.users[place] as string);
  }

  static async begin(setting: Setting, tally: Tally): Promise<World> {
    const { maxFramesPerSecond, maxPendingRequests, maxOutcomes } = setting;
    let ticks = 0;
    const tick = () => ++ticks;
    const clock = new SimulatedClock();
    const inboxes = new Inboxes(clock, retention, new Random(setting.seed), tick);
    const service = new Service(clock);
    const harness = await createHarness({
      clock,
      provide: [provide(tokens.streamLog, inboxes)],
      limits: { ...limits, maxFramesPerSecond, maxPendingRequests, maxOutcomes },
      verifyClient: service.verifyClient,
      canSend: service.canSend,
      handlers: service.handlers as never,
      plugins: [service.plugin],
    });
    return new World(setting, tally, harness as unknown as Harness, inboxes, service, tick);
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

  openTab(userId: string): void {
    const { inboxes, clock, random, tally } = this;
    if (this.tabs.filter((tab) => tab.userId === userId).length >= MOST_TABS) return;
    const { transport: memory } = this.harness;
    const { resend, maxFramesPerSecond, maxPendingRequests } = this.#setting;
    const roomy = Math.min(maxFramesPerSecond, maxPendingRequests) >= MANY;
    const tick = this.#tick;
    this.tabs.push(new Tab(userId, { memory, inboxes, clock, random, tally, resend, roomy, tick }));
  }

  async closeTab(tab: Tab): Promise<void> {
    this.tabs.splice(this.tabs.indexOf(tab), 1);
    tab.roads.late();
    void tab.close();
    await this.clock.settle();
    tab.look();
  }

  stop(graceMs: number): void {
    this.stopping ??= this.harness.server.disconnect({ graceMs });
  }

  async start(): Promise<void> {
    if (this.stopping === undefined) return;
    await this.harness.until(this.stopping);
    await this.harness.server.start();
    this.stopping = undefined;
    this.tally.count('restarts');
  }

  /** All goes well from here on, and everything comes to rest. Then the promise must have been kept. */
  async end(): Promise<void> {
    this.inboxes.mood = 'prompt';
    this.service.lets = 'in';
    for (const tab of this.tabs) tab.roads.thawAll();
    await this.start();
    this.service.answerAll();
    await this.clock.advanceAsync(REST_MS);
    this.#look();
    // That an inbox has begun anew shows with what comes next.
    for (const user of this.harness.server.users.keys()) this.fromServer(user);
    for (const tab of this.tabs) call(this, tab, 'NOW');
    await this.clock.advanceAsync(LAST_MS);
    this.#look();
    for (const tab of this.tabs) tab.end();
    this.errands.end();
    this.#count();
    await this.#leave();
  }

  fromServer(userId: string, text = ''): void {
    const sent = this.harness.server.sendToUser(userId, { type: 'MESSAGE', id: this.id(), text });
    sent.catch(() => this.tally.count('not sent by the server'));
  }

  #look(): void {
    for (const tab of this.tabs) tab.look();
    this.errands.look();
  }

  #count(): void {
    const { disconnects } = this.harness.server.stats();
    for (const [reason, times] of Object.entries(disconnects)) this.tally.count(`closed ${reason}`, times);
  }

  /** Everybody goes; then nothing is left, on either side. */
  async #leave(): Promise<void> {
    const { server, transport } = this.harness;
    for (const tab of this.tabs) void tab.close();
    await this.clock.advanceAsync(FORGET_MS);
    assert.deepEqual(server.stats().clients, { online: 0, resumable: 0, connecting: 0 });
    assert.deepEqual([server.users.size, transport.connections, this.inboxes.size], [0, 0, 0]);
    const unexpected = this.harness.errors.filter(({ message }) => !expected.has(message));
    assert.deepEqual(unexpected, [], 'the server logged an error');
    assert.equal(this.clock.pendingTimers, 1, 'timers are left besides the heartbeat’s');
  }
}

/** What the server is to log as errors, by what the application and the log do. */
const expected = new Set([
  'a handler failed',
  'a handshake failed',
  'a message was not appended',
  'an inbound operator failed',
  'the verifier failed',
]);
