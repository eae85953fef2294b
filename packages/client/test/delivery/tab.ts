import assert from 'node:assert/strict';
import type { AnyAction, ConnectedFrame } from '@callboard/protocol';
import { collectingLogger, type MemoryTransport, type SimulatedClock } from '@callboard/testkit';
import { filter, map } from 'rxjs';
import type { Client } from '../../src/api.ts';
import { createClient } from '../../src/client.ts';
import { defineClientPlugin } from '../../src/plugin.ts';
import type { Errand } from './errands.ts';
import type { Inboxes } from './inboxes.ts';
import type { Random } from './random.ts';
import { Roads } from './roads.ts';
import { calls, limits } from './service.ts';
import type { Tally } from './tally.ts';
import { Witness } from './witness.ts';

export interface TabOptions {
  readonly memory: MemoryTransport;
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly inboxes: Inboxes;
  readonly tally: Tally;
  readonly tick: () => number;
  readonly resend: boolean;
  /** What the client may send at once is not limited, for as much as is sent here. */
  readonly roomy: boolean;
}

/** One running copy of the application: a real client, its ways to the server, and who watches it. */
export class Tab {
  readonly userId: string;
  readonly client: Client;
  readonly roads: Roads;
  readonly witness: Witness;
  /** What it has sent, by id. */
  readonly sent = new Map<string, Errand>();
  /** What was found where it could not be thrown. */
  fault: unknown;
  readonly #tally: Tally;
  readonly #logger = collectingLogger();
  readonly #roomy: boolean;
  readonly resend: boolean;
  session = 0;
  /** Where requests were written, by mid, and actions, by id: in which session and on which road. */
  readonly #written = new Map<number | string, { readonly session: number; readonly road: number }>();
  #road = 0;
  #highestMid = 0;
  #told = 0;

  constructor(userId: string, options: TabOptions) {
    const { memory, clock, random, inboxes, tick, tally, resend, roomy } = options;
    this.userId = userId;
    this.#tally = tally;
    this.resend = resend;
    this.#roomy = roomy;
    this.witness = new Witness(userId, inboxes, tick, tally);
    this.roads = new Roads({
      memory,
      clock,
      random,
      tries: () => this.#tries(),
      sees: (text) => this.#sees(text),
      saw: (text) => this.#saw(text),
      sends: (text) => this.#sends(text),
    });
    this.client = createClient({
      endPoint: 'ws://server',
      userId,
      resend,
      maxQueued: 12,
      backoff: { minMs: 200, maxMs: 4_000 },
      transport: this.roads,
      timers: clock,
      random: random.next,
      logger: this.#logger,
      plugins: [moody],
    });
    this.#watch();
  }

  close(): Promise<void> {
    this.#tally.count('closed');
    this.session++;
    const closed = this.client.close();
    this.witness.close();
    return closed;
  }

  /** That it has come to rest, knows all that is to be known, and never failed. */
  end(): void {
    this.look();
    assert.equal(this.client.getStatus(), 'ONLINE');
    this.witness.atHead();
  }

  look(): void {
    if (this.fault !== undefined) throw this.fault;
    assert.deepEqual(
      this.#logger.logs.filter(({ level, fields }) => level === 'error' && !isMoody(fields)),
      [],
      'the client logged an error',
    );
    assert.equal(this.#told, this.witness.seen, 'subscribers see what messages$ gives');
  }

  #watch(): void {
    const { client, witness } = this;
    // What a subscriber throws is caught by the library.
    const guarded =
      <T>(look: (value: T) => void) =>
      (value: T) => {
        try {
          look(value);
        } catch (fault) {
          this.fault ??= fault;
        }
      };
    client.messages$.subscribe(guarded((message) => witness.message(message)));
    client.gaps$.subscribe(guarded((gap) => witness.gap(gap)));
    client.subscribe('MESSAGE', () => {
      this.#told++;
    });
    for (const type of calls) {
      client.subscribe(type, (_, { kind, action }) => {
        const errand = this.sent.get(String((action as AnyAction).id));
        if (kind === 'reply' && errand !== undefined) errand.replies++;
      });
    }
    client.status$.subscribe((status) => {
      if (status !== 'OFFLINE') return;
      witness.lost();
      const { ending } = client.actor.getSnapshot().context;
      if (ending !== undefined) this.#tally.count(`lost ${ending.reason || ending.name}`);
    });
  }

  #tries(): void {
    this.#road++;
    this.#highestMid = 0;
    this.witness.tries();
  }

  #sees(text: string): void {
    if (!text.startsWith('{"op":"connected"')) return;
    const frame: ConnectedFrame = JSON.parse(text);
    if (!frame.resumed) this.session++;
    this.witness.connected(frame);
  }

  /** PROTOCOL.md, "What a client does after `connected`": what is not settled has been sent again by now. */
  #saw(text: string): void {
    if (!this.#roomy || !text.startsWith('{"op":"connected"') || !text.includes('"resumed":true')) return;
    for (const [id, { action, pending }] of this.sent) {
      if (pending === 0 || String(action.text ?? '').length > limits.maxFrameBytes) continue;
      const road = this.#written.get(id)?.road;
      if (road !== this.#road) this.#found(`it is back and does not send again: ${JSON.stringify(action)}`);
    }
  }

  #sends(text: string): void {
    const { mid, action } = JSON.parse(text);
    if (mid === undefined) return;
    const before = this.#written.get(mid);
    if (before !== undefined) this.#tally.count('sent again');
    if (before !== undefined && before.session !== this.session)
      this.#found(`sent again in another session: ${text}`);
    const errand = action && this.sent.get(action.id);
    if (mid < this.#highestMid && !errand?.rejected) this.#found(`sent out of order: ${text}`);
    if (before !== undefined && before.road !== this.#road && errand?.resend === false && !errand.rejected)
      this.#found(`sent again unasked: ${text}`);
    this.#highestMid = Math.max(this.#highestMid, mid);
    const written = { session: this.session, road: this.#road };
    this.#written.set(mid, written);
    if (action) this.#written.set(action.id, written);
  }

  #found(fault: string): void {
    this.fault ??= new Error(fault);
  }
}

/** Refuses what the application has marked so. */
const moody = defineClientPlugin({
  name: 'moody',
  setup({ outgoing }) {
    let asked = 0;
    outgoing(filter(({ action }) => action?.here !== 'is held back' || asked++ % 2 === 1));
    outgoing(
      map((body) => {
        if (body.action?.here === 'fails' && asked++ % 2 === 0) throw new Error('moody');
        return body;
      }),
    );
  },
});

function isMoody(fields: { readonly cause?: unknown } | undefined): boolean {
  return fields?.cause instanceof Error && fields.cause.message === 'moody';
}
