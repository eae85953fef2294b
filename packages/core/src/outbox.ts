import type { Clock } from './clock.ts';
import type { Connection, Framing } from './transport.ts';

/** Something to be sent, the same for however many connections. */
export interface Frame {
  bytes(framing: Framing): Uint8Array;
}

/** What a gateway has put into bytes itself. */
export class Framed implements Frame {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  bytes(): Uint8Array {
    return this.#bytes;
  }
}

/** A frame's text, encoded once; its bytes are made once per framing, however many connections get them. */
export class Encoded implements Frame {
  readonly text: string;
  #framing: Framing | undefined;
  #bytes: Uint8Array | undefined;

  constructor(text: string) {
    this.text = text;
  }

  bytes(framing: Framing): Uint8Array {
    if (this.#bytes === undefined || this.#framing !== framing) {
      this.#bytes = framing.frame(this.text);
      this.#framing = framing;
    }
    return this.#bytes;
  }
}

/**
 * The frames that fall due for a connection in one turn, as a path from an empty root. Connections that are given
 * the same frames in the same order stand on the same node: its bytes are joined once, for all of them.
 */
class Batch {
  readonly byteLength: number;
  readonly #parent: Batch | undefined;
  readonly #own: Uint8Array | undefined;
  #joined: Uint8Array | undefined;
  /** The last step taken from here: of many connections in a fan-out, all but the first take the same. */
  #frame: Frame | undefined;
  #next: Batch | undefined;

  constructor(parent?: Batch, own?: Uint8Array) {
    this.#parent = parent;
    this.#own = own;
    this.byteLength = (parent?.byteLength ?? 0) + (own?.byteLength ?? 0);
  }

  with(frame: Frame, framing: Framing): Batch {
    if (this.#frame !== frame || this.#next === undefined) {
      this.#frame = frame;
      this.#next = new Batch(this, frame.bytes(framing));
    }
    return this.#next;
  }

  /** Forgets the last step, at the end of a turn: nothing outlives it. */
  reset(): void {
    this.#frame = undefined;
    this.#next = undefined;
  }

  get bytes(): Uint8Array {
    this.#joined ??= this.#join();
    return this.#joined;
  }

  #join(): Uint8Array {
    if (this.#own !== undefined && this.#parent?.byteLength === 0) return this.#own;
    const joined = Buffer.allocUnsafe(this.byteLength);
    for (
      let node: Batch = this, end = this.byteLength;
      node.#own !== undefined;
      node = node.#parent as Batch
    ) {
      end -= node.#own.byteLength;
      joined.set(node.#own, end);
    }
    return joined;
  }
}

/** How long connections are flushed before the event loop gets its turn. What each write leaves to do comes on top. */
const SLICE_MS = 3;
/** Connections flushed between two looks at the time. */
const STRIDE = 64;
/** Above so many bytes that wait for a connection it takes no more for the time being: it is congested. */
const CONGESTED_BYTES = 65_536;
/** How often congested connections are looked at. */
const RELIEF_MS = 20;

/**
 * Writes, at the end of each turn, what its outboxes hold: one write per connection. Where they are very many it goes on in
 * the turns after, and what others send meanwhile joins the batches of those that still wait.
 */
export class Flusher {
  readonly #clock: Clock;
  readonly #nowMs: () => number;
  readonly #roots = new Map<Framing, Batch>();
  #due: Outbox[] = [];
  /** Those being flushed, up to `#next` done. */
  #flushing: Outbox[] = [];
  #next = 0;
  #armed = false;
  /** Those that are to say when they are congested no more. */
  readonly #congested = new Set<Outbox>();
  #relief: unknown;

  /** @param nowMs real time, whatever the clock says: it is the event loop that is held. */
  constructor(clock: Clock, nowMs: () => number = () => performance.now()) {
    this.#clock = clock;
    this.#nowMs = nowMs;
  }

  /** An outbox for a connection; `owner` is told when more waits than `maxBytes`. */
  outbox(wire: Wire, framing: Framing, maxBytes: number, owner: OutboxOwner): Outbox {
    let root = this.#roots.get(framing);
    if (root === undefined) {
      root = new Batch();
      this.#roots.set(framing, root);
    }
    return new Outbox({ flusher: this, wire, framing, root, maxBytes, owner });
  }

  due(outbox: Outbox): void {
    this.#due.push(outbox);
    this.#arm();
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#clock.endOfTurn(this.#flush);
  }

  watch(outbox: Outbox): void {
    this.#congested.add(outbox);
    this.#relief ??= this.#clock.setTimeout(this.#look, RELIEF_MS);
  }

  unwatch(outbox: Outbox): void {
    this.#congested.delete(outbox);
    if (this.#congested.size > 0) return;
    this.#clock.clearTimeout(this.#relief);
    this.#relief = undefined;
  }

  readonly #look = (): void => {
    this.#relief = undefined;
    for (const outbox of [...this.#congested]) {
      if (outbox.congested || !this.#congested.delete(outbox)) continue;
      outbox.relieved();
    }
    if (this.#congested.size > 0) this.#relief ??= this.#clock.setTimeout(this.#look, RELIEF_MS);
  };

  readonly #flush = (): void => {
    this.#armed = false;
    if (this.#next === this.#flushing.length) this.#begin();
    const outboxes = this.#flushing;
    const untilMs = this.#nowMs() + SLICE_MS;
    while (this.#next < outboxes.length) {
      const end = Math.min(this.#next + STRIDE, outboxes.length);
      while (this.#next < end) outboxes[this.#next++]?.flush();
      if (this.#nowMs() >= untilMs) break;
    }
    if (this.#next < outboxes.length || this.#due.length > 0) this.#arm();
    else {
      this.#begin();
      for (const root of this.#roots.values()) root.reset();
    }
  };

  /** Takes up what has fallen due. */
  #begin(): void {
    this.#flushing = this.#due;
    this.#due = [];
    this.#next = 0;
  }
}

/** What an outbox needs of a connection. */
export type Wire = Pick<Connection, 'write' | 'bufferedBytes'>;

interface OutboxParts {
  readonly flusher: Flusher;
  readonly wire: Wire;
  readonly framing: Framing;
  readonly root: Batch;
  readonly maxBytes: number;
  readonly owner: OutboxOwner;
}

export interface OutboxOwner {
  /** The reader is too slow: it is to be disconnected. */
  overflowed(): void;
  /** It was congested, wanted to be told, and takes more now. */
  relieved(): void;
}

/** The bounded send queue of one connection. */
export class Outbox {
  readonly #flusher: Flusher;
  readonly #wire: Wire;
  readonly #framing: Framing;
  readonly #root: Batch;
  readonly #maxBytes: number;
  readonly #owner: OutboxOwner;
  #batch: Batch;

  constructor({ flusher, wire, framing, root, maxBytes, owner }: OutboxParts) {
    this.#flusher = flusher;
    this.#wire = wire;
    this.#framing = framing;
    this.#root = root;
    this.#batch = root;
    this.#maxBytes = maxBytes;
    this.#owner = owner;
  }

  /** Bytes that may yet wait. */
  get room(): number {
    return this.#maxBytes - this.#batch.byteLength - this.#wire.bufferedBytes;
  }

  get congested(): boolean {
    return this.#maxBytes - this.room > Math.min(CONGESTED_BYTES, this.#maxBytes / 2);
  }

  /** Tells the owner when it is congested no more; not before some time has passed. */
  awaitRelief(): void {
    this.#flusher.watch(this);
  }

  relieved(): void {
    this.#owner.relieved();
  }

  push(frame: Frame): void {
    if (this.#batch === this.#root) this.#flusher.due(this);
    this.#batch = this.#batch.with(frame, this.#framing);
    if (this.#batch.byteLength > this.#maxBytes) this.#owner.overflowed();
  }

  /** Writes what waits, now. */
  flush(): void {
    const batch = this.#batch;
    if (batch === this.#root) return;
    this.#batch = this.#root;
    this.#wire.write(batch.bytes);
    if (this.#wire.bufferedBytes > this.#maxBytes) this.#owner.overflowed();
  }

  /** Drops what waits: it is at its end. */
  clear(): void {
    this.#batch = this.#root;
    this.#flusher.unwatch(this);
  }
}
