import assert from 'node:assert/strict';
import { disconnects, type RequestFrame } from '@callboard/protocol';
import { createHarness, type Harness, type MemoryClient } from '@callboard/testkit';
import { withLog } from '../logs.ts';
import { ChannelAccount } from './channel-account.ts';
import { FilterAccount } from './filter-account.ts';
import { Ledger } from './ledger.ts';

export const deeds = [
  'connect',
  'join',
  'leave',
  'filter',
  'filter no more',
  'rights',
  'publish',
  'publish',
  'exclude',
  'server publishes',
  'retry',
  'cut',
  'resume',
  'resume',
  'take over',
  'close',
  'freeze',
  'freeze and flood',
  'thaw',
  'turn',
  'wait',
  'all are away',
] as const;

export interface Command {
  readonly deed: (typeof deeds)[number];
  readonly pick: number;
  readonly luck: number;
}

const SLOTS = 4;
const names = ['bare', 'kept', 'last', 'latest'] as const;
const FILTER = '+';
const waits = [10, 1_000, 9_000, 59_000, 61_000];
const text = 'x'.repeat(200);

export type Tally = Record<
  | 'resumed'
  | 'evicted'
  | 'epoch'
  | 'size'
  | 'conflated'
  | 'retained'
  | 'delivered'
  | 'filtered'
  | 'unsubscribed'
  | 'slow',
  number
>;
export const noTally = (): Tally => ({
  resumed: 0,
  evicted: 0,
  epoch: 0,
  size: 0,
  conflated: 0,
  retained: 0,
  delivered: 0,
  filtered: 0,
  unsubscribed: 0,
  slow: 0,
});

interface Slot {
  readonly client: MemoryClient;
  /** What it has sent, by mid. */
  readonly requests: Map<number, RequestFrame>;
}

/** A server with three kinds of channels, and clients of which anything may happen to. */
export class ChannelWorld {
  readonly #harness: Harness;
  readonly #ledger: Ledger;
  readonly #left: () => number;
  readonly #tally: Tally;
  readonly #slots: (Slot | undefined)[] = Array.from({ length: SLOTS });
  readonly #former: Slot[] = [];
  readonly #rights: { open: boolean };
  #id = 0;

  private constructor(
    harness: Harness,
    rights: { open: boolean },
    ledger: Ledger,
    left: () => number,
    tally: Tally,
  ) {
    this.#harness = harness;
    this.#rights = rights;
    this.#ledger = ledger;
    this.#left = left;
    this.#tally = tally;
  }

  static async begin(answers: 'at once' | 'later', tally: Tally): Promise<ChannelWorld> {
    const { memory, options } = withLog(answers);
    const ledger = new Ledger();
    ledger.watch(memory);
    const rights = { open: true };
    const inTime = <T>(answer: T) => (answers === 'later' ? Promise.resolve(answer) : answer);
    const open = {
      canSubscribe: () => inTime(rights.open),
      canPublish: () => inTime(true),
      filters: true,
    };
    const harness = await createHarness({
      ...options,
      limits: { maxOutboxBytes: 6_000 },
      channels: {
        bare: open,
        kept: { ...open, history: { size: 12, ttlMs: 30_000 } },
        last: { ...open, history: { size: 3, ttlMs: 30_000 }, retain: true },
        latest: { ...open, history: { size: 3, ttlMs: 30_000 }, overflow: 'latest' },
      },
    });
    return new ChannelWorld(harness, rights, ledger, () => memory.size, tally);
  }

  async run(commands: readonly Command[]): Promise<void> {
    for (const command of commands) {
      try {
        await this.#do(command);
      } catch (cause) {
        throw new Error(`at ${JSON.stringify(command)}: ${String(cause)}`, { cause });
      }
    }
  }

  /** Everybody comes back once more, is held to account, then goes; then nothing is left but last values. */
  async end(): Promise<void> {
    const { server, clock, errors } = this.#harness;
    for (const slot of this.#slots) slot?.client.wire.thaw();
    await clock.advanceAsync(6_000);
    for (const slot of this.#slots) if (slot?.client.closed) await slot.client.resume();
    await clock.settle();
    for (const slot of this.#slots) {
      if (slot === undefined) continue;
      assert.deepEqual([...slot.client.unsettled.keys()], [], 'requests hang');
      this.#hold(slot, slot.client.closed === undefined);
    }
    for (const slot of this.#former) this.#hold(slot, false);
    this.#ledger.nothingTwice();
    for (const slot of this.#slots) slot?.client.close();
    await clock.advanceAsync(100_000);
    const kept = server.stats().channels;
    assert.ok(kept <= 1, 'only last values are kept');
    assert.deepEqual([server.users.size, this.#left() - kept], [0, 0]);
    assert.deepEqual(
      names.map((name) => server.channel(name).subscribers.size),
      names.map(() => 0),
    );
    await Promise.all([server.disconnect(), clock.advanceAsync(10_000)]);
    assert.deepEqual([this.#left(), clock.pendingTimers], [0, 0]);
    assert.deepEqual(errors, []);
  }

  #hold(slot: Slot, complete: boolean): void {
    for (const name of names) {
      const account = new ChannelAccount(this.#ledger, name, slot.requests);
      account.hold(slot.client, complete);
      this.#tally.delivered += account.delivered;
      const filtered = new FilterAccount(this.#ledger, FILTER, name, slot.requests);
      filtered.hold(slot.client);
      this.#tally.filtered += filtered.delivered;
    }
    for (const frame of slot.client.frames) {
      if (frame.op === 'connected' && frame.resumed) this.#tally.resumed++;
      if (frame.op === 'gap' && frame.reason !== 'session') this.#tally[frame.reason]++;
      if (frame.op === 'unsubscribed') this.#tally.unsubscribed++;
      if (frame.op === 'publication' && frame.retained === true) this.#tally.retained++;
    }
    this.#tally.slow += this.#harness.server.stats().disconnects.SLOW_READER ?? 0;
  }

  async #do({ deed, pick, luck }: Command): Promise<void> {
    const { server, clock } = this.#harness;
    const place = pick % SLOTS;
    const slot = this.#slots[place];
    const name = names[luck % names.length] ?? 'bare';
    const data = () => ({ id: ++this.#id, text });
    switch (deed) {
      case 'connect':
        if (slot === undefined) await this.#connect(place);
        return;
      case 'server publishes':
        for (let i = 0; i < (pick % 4 === 0 ? 15 : 2); i++) void server.publish(name, data());
        return;
      case 'rights':
        if (luck % 3 > 0) return;
        this.#rights.open = false;
        void server.recheckRights();
        await clock.settle();
        this.#rights.open = true;
        return;
      case 'all are away':
        if (luck % 4 > 0) return;
        for (const each of this.#slots) each?.client.cut();
        return clock.advanceAsync(100_000);
      case 'turn':
        return clock.settle();
      case 'wait':
        return clock.advanceAsync(waits[luck % waits.length] ?? 0);
    }
    if (slot === undefined) return;
    const { client } = slot;
    switch (deed) {
      case 'join':
        return this.#about(slot, luck % 4 === 0 ? names : [name], {
          op: 'subscribe',
          // As a client does that has lost its session.
          ...(luck % 2 === 0 && { positions: Object.fromEntries(client.channels) }),
        });
      case 'leave':
        return this.#about(slot, [name], { op: 'unsubscribe' });
      case 'filter':
        return this.#about(slot, [FILTER], { op: 'subscribe' });
      case 'filter no more':
        return this.#about(slot, [FILTER], { op: 'unsubscribe' });
      case 'publish':
        return this.#request(slot, { op: 'publish', channel: name, data: data() });
      case 'exclude':
        return this.#request(slot, { op: 'publish', channel: name, data: data(), exclude: true });
      case 'retry': {
        const [waiting] = client.unsettled.values();
        if (waiting !== undefined) client.raw(JSON.stringify(waiting));
        return;
      }
      case 'cut':
        return client.cut();
      case 'resume':
        return this.#resume(client);
      case 'take over':
        // Once there is nothing more to be told to the older one.
        client.wire.thaw();
        await clock.settle();
        if (client.closed === undefined) await this.#resume(client);
        return;
      case 'close':
        client.close();
        this.#former.push(slot);
        this.#slots[place] = undefined;
        return;
      case 'freeze':
        return client.wire.freeze();
      case 'freeze and flood':
        client.wire.freeze();
        for (let i = 0; i < 5 + (luck % 20); i++) {
          void server.publish('latest', data());
          await clock.advanceAsync(1);
        }
        return;
      case 'thaw':
        return client.wire.thaw();
    }
  }

  /** It may be too slow again before it is welcomed, by what is published in that turn. */
  async #resume(client: MemoryClient): Promise<void> {
    try {
      await client.resume();
    } catch (error) {
      if (client.closed?.code !== disconnects.SLOW_READER) throw error;
    }
  }

  /** About a channel there is one request on its way at most. */
  #about(slot: Slot, channels: readonly string[], fields: { op: 'subscribe' | 'unsubscribe' }): void {
    const waiting = [...slot.client.unsettled.values()].flatMap((frame) =>
      frame.op === 'subscribe' || frame.op === 'unsubscribe' ? (frame.channels ?? []) : [],
    );
    const free = channels.filter((name) => !waiting.includes(name));
    if (free.length > 0) this.#request(slot, { ...fields, channels: free });
  }

  #request({ client, requests }: Slot, fields: Parameters<MemoryClient['request']>[0]): void {
    const mid = client.request(fields);
    requests.set(mid, { ...fields, mid } as RequestFrame);
  }

  async #connect(place: number): Promise<void> {
    const client = await this.#harness.connect(place % 3);
    this.#slots[place] = { client, requests: new Map() };
  }
}
