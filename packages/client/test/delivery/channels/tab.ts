import assert from 'node:assert/strict';
import type { ConnectedFrame, Position } from '@callboard/protocol';
import { collectingLogger, type MemoryTransport, type SimulatedClock } from '@callboard/testkit';
import type { Client } from '../../../src/api.ts';
import { createClient } from '../../../src/client.ts';
import type { Random } from '../random.ts';
import { Roads } from '../roads.ts';
import type { Tally } from '../tally.ts';
import { FilterWitness } from './filter-witness.ts';
import { type Guard, Listener } from './listener.ts';
import type { PublicationLog } from './publications.ts';
import { type ChannelName, type ChannelService, channels } from './service.ts';
import { Wire } from './wire.ts';
import { ChannelWitness } from './witness.ts';

export interface TabOptions {
  readonly memory: MemoryTransport;
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly log: PublicationLog;
  readonly service: ChannelService;
  readonly tally: Tally;
  readonly resend: boolean;
}

/** One running copy of the application, with those in it who listen to channels. */
export class Tab {
  readonly userId: string;
  readonly client: Client;
  readonly roads: Roads;
  readonly resend: boolean;
  readonly listeners = new Map<string, Listener>();
  /** Counts sessions. */
  session = 0;
  clientId = '';
  readonly #options: TabOptions;
  readonly #logger = collectingLogger();
  readonly #wire: Wire;
  #online = false;
  #isClosed = false;
  #fault: unknown;

  constructor(userId: string, options: TabOptions) {
    const { memory, clock, random, log, service, resend } = options;
    this.userId = userId;
    this.resend = resend;
    this.#options = options;
    const wire: Wire = new Wire({
      ...{ userId, log, service },
      connected: (frame) => this.#connected(frame),
      begins: (name, at) => this.#begins(name, at),
      ended: (name, forGood) => this.listeners.get(name)?.witness.ended(forGood),
    });
    this.#wire = wire;
    this.roads = new Roads({
      ...{ memory, clock, random },
      tries: () => {},
      sees: this.#guard((text) => wire.sees(JSON.parse(text))),
      saw: (text) => {
        if (text.startsWith('{"op":"unsubscribed"'))
          for (const listener of this.listeners.values()) listener.watch();
      },
      sends: this.#guard((text) => wire.sends(JSON.parse(text))),
    });
    this.client = createClient({
      ...{ userId, resend, timers: clock, random: random.next, transport: this.roads, logger: this.#logger },
      endPoint: 'ws://server',
      maxQueued: 12,
      backoff: { minMs: 200, maxMs: 4_000 },
    });
    this.client.connected$.subscribe(({ resumed }) => {
      for (const listener of this.listeners.values()) {
        if (!resumed) listener.begin();
        listener.watch();
      }
    });
    this.client.status$.subscribe((status) => {
      if (status === 'OFFLINE') this.#lost();
    });
  }

  /** The channels that somebody listens to by their names. */
  get listening(): ChannelName[] {
    return channels.filter((channel) => this.listeners.has(channel));
  }

  join(name: string): void {
    if (this.listeners.has(name)) return;
    const { log, tally, clock, service } = this.#options;
    const nowMs = () => clock.now();
    const parts = { name, log, tally, nowMs, clientId: () => this.clientId };
    const covers = (channel: string) => service.covers(this.userId, name, channel);
    const witness = /[+#]/.test(name) ? new FilterWitness({ ...parts, covers }) : new ChannelWitness(parts);
    const channel = this.client.channel(name);
    this.listeners.set(name, new Listener(channel, witness, this.#guard, () => this.#online));
  }

  leave(name: string, how: 'leave' | 'off'): void {
    const listener = this.listeners.get(name);
    if (listener === undefined) return;
    this.listeners.delete(name);
    if (how === 'off') return listener.off();
    const left = this.#guard(() => {
      if (this.listeners.has(name) || this.#isClosed) return;
      assert.ok(!this.#wire.may(name), `${name} may still come after it was left`);
      this.#options.tally.count('left');
    });
    listener.leave().then(left, () => {});
  }

  /** The right to some channels is changing. */
  changes(channel: string): void {
    for (const { witness } of this.listeners.values())
      if (witness instanceof FilterWitness) witness.changes(channel);
  }

  /** The server goes by their new rights. */
  changed(channel: string): void {
    for (const { witness } of this.listeners.values())
      if (witness instanceof FilterWitness) witness.allows(channel);
  }

  close(): Promise<void> {
    this.#options.tally.count('closed');
    this.session++;
    this.#online = false;
    this.#isClosed = true;
    this.listeners.clear();
    return this.client.close();
  }

  look(): void {
    if (this.#fault !== undefined) throw this.#fault;
    for (const listener of this.listeners.values()) listener.look();
    const errors = this.#logger.logs.filter(({ level }) => level === 'error');
    assert.deepEqual(errors, [], 'the client logged an error');
  }

  readonly #guard: Guard =
    (look) =>
    (...args) => {
      try {
        look(...args);
      } catch (fault) {
        this.#fault ??= fault;
      }
    };

  #connected({ clientId, resumed, streams }: ConnectedFrame): void {
    const { tally } = this.#options;
    tally.count(resumed ? 'resumed' : this.clientId === '' ? 'began' : 'sessions lost');
    if (resumed) assert.equal(clientId, this.clientId, 'resumed as another client');
    else this.session++;
    this.clientId = clientId;
    this.#online = true;
    for (const { name, witness } of this.listeners.values())
      witness.connected(Object.hasOwn(streams, name) ? streams[name] : undefined);
  }

  #begins(name: string, at: Position | undefined): void {
    this.listeners.get(name)?.witness.begins(at);
  }

  #lost(): void {
    this.#online = false;
    for (const { witness } of this.listeners.values()) witness.lost();
    const { ending } = this.client?.actor.getSnapshot().context ?? {};
    if (ending !== undefined) this.#options.tally.count(`lost ${ending.reason || ending.name}`);
  }
}
