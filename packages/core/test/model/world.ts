import assert from 'node:assert/strict';
import { INBOX, type Position } from '@callboard/protocol';
import { createHarness, type Harness, type MemoryClient } from '@callboard/testkit';
import { type Deferred, deferred } from '../deferred.ts';
import { withLog } from '../logs.ts';
import { Ledger } from './ledger.ts';

export interface Command {
  readonly deed: (typeof deeds)[number];
  readonly pick: number;
  readonly luck: number;
}

export const deeds = [
  'connect',
  'call',
  'call later',
  'answer',
  'sendToClient',
  'broadcast',
  'send',
  'send slowly',
  'server sends',
  'retry',
  'cut',
  'resume',
  'take over',
  'close',
  'freeze',
  'thaw',
  'turn',
  'wait',
] as const;

const USERS = 3;
const SLOTS = 6;
const text = 'x'.repeat(300);
const waits = [10, 1_000, 9_000, 26_000, 59_000, 61_000];

/** How often what is worth trying was tried, over all scripts. */
export type Tally = Record<
  'resumed' | 'lost' | 'evicted' | 'slow' | 'stale' | 'takeovers' | 'retries' | 'unknown' | 'delivered',
  number
>;
export const noTally = (): Tally => ({
  resumed: 0,
  lost: 0,
  evicted: 0,
  slow: 0,
  stale: 0,
  takeovers: 0,
  retries: 0,
  unknown: 0,
  delivered: 0,
});

interface Slot {
  readonly client: MemoryClient;
  /** Where it began, where it came with a position. */
  readonly begin: Position | undefined;
}

/** A server and some clients, of which anything may happen to. */
export class World {
  readonly #harness: Harness;
  readonly #ledger: Ledger;
  readonly #left: () => number;
  readonly #tally: Tally;
  readonly #slots: (Slot | undefined)[] = Array.from({ length: SLOTS });
  readonly #former: Slot[] = [];
  readonly #running: Deferred<string>[];
  readonly #ran: Map<number, number>;
  #id = 0;

  private constructor(
    harness: Harness,
    ledger: Ledger,
    left: () => number,
    tally: Tally,
    running: Deferred<string>[],
    ran: Map<number, number>,
  ) {
    this.#harness = harness;
    this.#ledger = ledger;
    this.#left = left;
    this.#tally = tally;
    this.#running = running;
    this.#ran = ran;
  }

  static async begin(answers: 'at once' | 'later', tally: Tally): Promise<World> {
    const { memory, options } = withLog(answers, 6);
    const ledger = new Ledger();
    ledger.watch(memory);
    const running: Deferred<string>[] = [];
    const ran = new Map<number, number>();
    const count = (id: unknown) => void ran.set(id as number, (ran.get(id as number) ?? 0) + 1);
    const harness = await createHarness({
      ...options,
      limits: { maxOutboxBytes: 8_000, maxOutcomes: 5 },
      canSend: ({ action }) => (action.slow ? Promise.resolve().then(() => true) : true),
      handlers: {
        NOW: ({ action }) => {
          count(action.id);
          return action.id;
        },
        LATER: ({ action }) => {
          count(action.id);
          const answer = deferred<string>();
          running.push(answer);
          return answer.promise;
        },
        SELF: ({ action, sendToClient }) => {
          count(action.id);
          return sendToClient({ type: 'M', id: action.id });
        },
      },
    });
    return new World(harness, ledger, () => memory.size, tally, running, ran);
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

  /** Everybody comes back once more, then goes; then nothing is left. */
  async end(): Promise<void> {
    const { server, clock, transport, errors } = this.#harness;
    for (const slot of this.#slots) slot?.client.wire.thaw();
    await clock.advanceAsync(6_000);
    for (const slot of this.#slots) if (slot?.client.closed) await slot.client.resume();
    await clock.settle();
    for (const answer of this.#running) answer.resolve('at last');
    await clock.settle();
    for (const slot of this.#slots) {
      if (slot === undefined) continue;
      this.#ledger.holdAgainst(slot.client, slot.begin, true);
      assert.deepEqual([...slot.client.unsettled.keys()], [], 'requests hang');
    }
    for (const { client, begin } of this.#former) this.#ledger.holdAgainst(client, begin, false);
    this.#ledger.nothingTwice();
    for (const [id, times] of this.#ran) assert.equal(times, 1, `the handler ran ${times} times for ${id}`);
    this.#count();

    for (const slot of this.#slots) slot?.client.close();
    await clock.advanceAsync(100_000);
    assert.deepEqual(server.stats().clients, { online: 0, resumable: 0, connecting: 0 });
    assert.equal(server.stats().requests.running, 0);
    assert.deepEqual([server.users.size, transport.connections, this.#left()], [0, 0, 0]);
    assert.equal(clock.pendingTimers, 1, 'timers are left besides the heartbeat’s');
    assert.deepEqual(errors, []);
  }

  async #do({ deed, pick, luck }: Command): Promise<void> {
    const { server, clock } = this.#harness;
    const place = pick % SLOTS;
    const slot = this.#slots[place];
    const action = <Type extends string>(type: Type) => ({ type, id: ++this.#id });
    switch (deed) {
      case 'connect':
        if (slot === undefined) await this.#connect(place);
        return;
      case 'answer':
        this.#running.splice(luck % 4, 1)[0]?.resolve('done');
        return;
      case 'server sends':
        for (let i = 0; i < (luck % 5 === 0 ? 10 : 1); i++)
          await server.sendToUser(luck % 2 ? pick % USERS : [0, 1, 2], { ...action('M'), text });
        return;
      case 'turn':
        return clock.settle();
      case 'wait':
        return clock.advanceAsync(waits[luck % waits.length] ?? 0);
    }
    if (slot === undefined) return;
    const { client } = slot;
    const open = client.closed === undefined;
    switch (deed) {
      case 'call':
        return void client.call(action('NOW'));
      case 'call later':
        return void client.call(action('LATER'));
      case 'sendToClient':
        return void client.call(action('SELF'));
      case 'broadcast':
        return void client.broadcast(action('M'));
      case 'send':
        return void client.send(action('M'), luck % 2 ? luck % USERS : [0, 1, 2]);
      case 'send slowly':
        return void client.send({ ...action('M'), slow: true }, [luck % USERS, pick % USERS]);
      case 'retry':
        return this.#retry(client, luck);
      case 'cut':
        return client.cut();
      case 'resume':
        return void (await client.resume());
      case 'take over':
        if (open && luck % 2) await this.#takeOver(place, slot);
        return;
      case 'close':
        client.close();
        this.#former.push(slot);
        this.#slots[place] = undefined;
        return;
      case 'freeze':
        return client.wire.freeze();
      case 'thaw':
        return client.wire.thaw();
    }
  }

  async #connect(place: number, resume?: MemoryClient['resumption']): Promise<void> {
    const options = { confirms: place % 2 === 0, ...(resume && { resume }) };
    const client = await this.#harness.connect(place % USERS, options);
    this.#slots[place] = { client, begin: resume?.positions[INBOX] };
  }

  /** A copy of the client comes with its session. */
  async #takeOver(place: number, slot: Slot): Promise<void> {
    this.#tally.takeovers++;
    const { resumption } = slot.client;
    slot.client.wire.thaw();
    await this.#connect(place, resumption);
    this.#former.push(slot);
  }

  /** Sends a request again, as if its answer had been lost: the one that waits longest, or one that is settled. */
  #retry(client: MemoryClient, luck: number): void {
    const [waiting] = client.unsettled.values();
    if (waiting === undefined) return;
    this.#tally.retries++;
    for (let i = 0; i <= luck % 2; i++) client.raw(JSON.stringify(waiting));
  }

  #count(): void {
    const all = [...this.#former, ...this.#slots].flatMap((slot) => slot?.client.frames ?? []);
    for (const frame of all) {
      if (frame.op === 'message') this.#tally.delivered++;
      else if (frame.op === 'connected' && frame.resumed) this.#tally.resumed++;
      else if (frame.op === 'gap' && frame.reason === 'session') this.#tally.lost++;
      else if (frame.op === 'gap' && frame.reason === 'evicted') this.#tally.evicted++;
      else if (frame.op === 'error' && frame.code === 'OUTCOME_UNKNOWN') this.#tally.unknown++;
    }
    const { disconnects } = this.#harness.server.stats();
    this.#tally.slow += disconnects.SLOW_READER ?? 0;
    this.#tally.stale += disconnects.STALE ?? 0;
  }
}
