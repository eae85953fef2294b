import { SimulatedClock } from '@callboard/testkit';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from './clock.ts';
import { Encoded, Flusher } from './outbox.ts';
import type { Connection, Framing } from './transport.ts';

/** Frames a text as itself and a comma, and counts how often. */
class CommaFraming implements Framing {
  framed = 0;
  frame(text: string): Uint8Array {
    this.framed++;
    return Buffer.from(`${text},`);
  }
}

/** A connection that keeps what is written. */
class Sink implements Connection {
  readonly writes: Uint8Array[] = [];
  bufferedBytes = 0;
  readonly framing: Framing;

  constructor(framing: Framing) {
    this.framing = framing;
  }
  write(bytes: Uint8Array): void {
    this.writes.push(bytes);
  }
  close(): void {}
  terminate(): void {}
  get texts(): string[] {
    return this.writes.map(String);
  }
}

describe('an outbox', () => {
  let clock: SimulatedClock;
  let flusher: Flusher;
  let framing: CommaFraming;
  let overflows: number;
  let reliefs: number;
  const owner = { overflowed: () => void overflows++, relieved: () => void reliefs++ };

  beforeEach(() => {
    clock = new SimulatedClock();
    flusher = new Flusher(clock);
    framing = new CommaFraming();
    overflows = 0;
    reliefs = 0;
  });
  const outbox = (maxBytes = 1_000, by: Framing = framing) => {
    const sink = new Sink(by);
    return { sink, outbox: flusher.outbox(sink, by, maxBytes, owner) };
  };
  const endTurn = () => clock.advance(0);

  test('says once when it is congested no more, and looks at it only while it is', () => {
    const { sink, outbox: box } = outbox(200_000);
    sink.bufferedBytes = 65_536;
    expect(box.congested).toBe(false);
    box.push(new Encoded('a'));
    expect(box.congested).toBe(true);
    box.awaitRelief();
    endTurn();
    sink.bufferedBytes = 65_537;
    clock.advance(1_000);
    expect(reliefs).toBe(0);
    sink.bufferedBytes = 65_536;
    clock.advance(20);
    expect([reliefs, clock.pendingTimers]).toEqual([1, 0]);
    clock.advance(1_000);
    expect(reliefs).toBe(1);
  });

  test('does not say so once it has been cleared', () => {
    const { sink, outbox: box } = outbox(200_000);
    sink.bufferedBytes = 100_000;
    box.awaitRelief();
    box.clear();
    sink.bufferedBytes = 0;
    clock.advance(1_000);
    expect([reliefs, clock.pendingTimers]).toEqual([0, 0]);
  });

  test('writes once a turn, at its end, in order', () => {
    const { sink, outbox: box } = outbox();
    for (const text of ['a', 'b', 'c']) box.push(new Encoded(text));
    expect(sink.texts).toEqual([]);
    endTurn();
    expect(sink.texts).toEqual(['a,b,c,']);
    box.push(new Encoded('d'));
    endTurn();
    endTurn();
    expect(sink.texts).toEqual(['a,b,c,', 'd,']);
  });

  test('frames a text once for all of a framing, and shares the buffer of equal batches', () => {
    const boxes = Array.from({ length: 50 }, () => outbox());
    const frames = ['a', 'b', 'c'].map((text) => new Encoded(text));
    for (const frame of frames) for (const each of boxes) each.outbox.push(frame);
    endTurn();
    expect(framing.framed).toBe(3);
    const [first] = boxes.map(({ sink }) => sink.writes[0]);
    for (const { sink } of boxes) expect(sink.writes[0]).toBe(first);
    expect(String(first)).toBe('a,b,c,');
  });

  test('gives each its own where they differ', () => {
    const [one, two, three] = [outbox(), outbox(), outbox()];
    const [shared, other, last] = [new Encoded('shared'), new Encoded('other'), new Encoded('last')];
    one.outbox.push(shared);
    two.outbox.push(other);
    two.outbox.push(shared);
    for (const each of [one, two, three]) each.outbox.push(last);
    three.outbox.push(shared);
    endTurn();
    expect([one, two, three].map(({ sink }) => sink.texts)).toEqual([
      ['shared,last,'],
      ['other,shared,last,'],
      ['last,shared,'],
    ]);
  });

  test('does not copy a frame that is alone', () => {
    const { sink, outbox: box } = outbox();
    const frame = new Encoded('alone');
    box.push(frame);
    endTurn();
    expect(sink.writes[0]).toBe(frame.bytes(framing));
  });

  test('keeps framings apart', () => {
    const other: Framing = { frame: (text) => Buffer.from(`${text};`) };
    const [one, two] = [outbox(), outbox(1_000, other)];
    const frame = new Encoded('a');
    for (let i = 0; i < 2; i++) for (const each of [one, two]) each.outbox.push(frame);
    endTurn();
    expect([one.sink.texts, two.sink.texts]).toEqual([['a,a,'], ['a;a;']]);
  });

  test('may be flushed before the turn ends, or cleared', () => {
    const [one, two] = [outbox(), outbox()];
    one.outbox.push(new Encoded('a'));
    one.outbox.flush();
    expect(one.sink.texts).toEqual(['a,']);
    one.outbox.push(new Encoded('b'));
    two.outbox.push(new Encoded('c'));
    two.outbox.clear();
    endTurn();
    expect([one.sink.texts, two.sink.texts]).toEqual([['a,', 'b,'], []]);
  });

  test('tells its owner when more waits than it may hold, in itself or in the connection', () => {
    const { sink, outbox: box } = outbox(10);
    box.push(new Encoded('123456789'));
    expect(overflows).toBe(0);
    box.push(new Encoded('0'));
    expect(overflows).toBe(1);
    endTurn();
    overflows = 0;
    sink.bufferedBytes = 10;
    box.push(new Encoded('a'));
    endTurn();
    expect(overflows).toBe(0);
    sink.bufferedBytes = 11;
    box.push(new Encoded('b'));
    endTurn();
    expect(overflows).toBe(1);
  });

  describe('flushing to very many', () => {
    const ends: (() => void)[] = [];
    let nowMs: number;
    let sliced: Flusher;
    /** A connection to which a write takes `ms`. */
    const slow = (ms: number) => {
      const sink = new Sink(framing);
      sink.write = (bytes) => {
        nowMs += ms;
        sink.writes.push(bytes);
      };
      return { sink, outbox: sliced.outbox(sink, framing, 1_000, owner) };
    };
    const many = (count: number, ms: number) => Array.from({ length: count }, () => slow(ms));
    const written = (boxes: { sink: Sink }[]) => boxes.filter(({ sink }) => sink.writes.length > 0).length;
    /** Ends a turn; whether there is another to come. */
    const endTurn = () => {
      ends.shift()?.();
      return ends.length > 0;
    };

    beforeEach(() => {
      ends.length = 0;
      nowMs = 0;
      sliced = new Flusher({ ...systemClock, endOfTurn: (task) => void ends.push(task) }, () => nowMs);
    });

    test('stops after 3 ms, with the turns of others in between, and shares the bytes all the same', () => {
      const boxes = many(1_000, 0.012);
      const frame = new Encoded('a');
      for (const { outbox } of boxes) outbox.push(frame);
      const progress: number[] = [];
      do {
        endTurn();
        progress.push(written(boxes));
      } while (ends.length > 0);
      // It looks at the time after each 64: 256 take 3.07 ms.
      expect(progress).toEqual([256, 512, 768, 1_000]);
      expect(new Set(boxes.map(({ sink }) => sink.writes[0])).size).toBe(1);
      expect(framing.framed).toBe(1);
    });

    test('takes one turn where writing is fast', () => {
      const boxes = many(10_000, 0.0001);
      const frame = new Encoded('a');
      for (const { outbox } of boxes) outbox.push(frame);
      expect(endTurn()).toBe(false);
      expect(written(boxes)).toBe(10_000);
    });

    test('goes on however slow a write is', () => {
      const boxes = many(200, 50);
      for (const { outbox } of boxes) outbox.push(new Encoded('a'));
      let turns = 1;
      while (endTurn()) turns++;
      expect([turns, written(boxes)]).toEqual([4, 200]);
    });

    test('writes what falls due meanwhile: in one batch to who still waits, after the others to who is done', () => {
      const boxes = many(128, 0.1);
      for (const { outbox } of boxes) outbox.push(new Encoded('a'));
      endTurn();
      expect(written(boxes)).toBe(64);
      for (const { outbox } of boxes) outbox.push(new Encoded('b'));
      endTurn();
      expect(written(boxes)).toBe(128);
      expect(boxes.map(({ sink }) => sink.texts)).toEqual([
        ...Array(64).fill(['a,']),
        ...Array(64).fill(['a,b,']),
      ]);
      endTurn();
      expect(boxes.slice(0, 64).map(({ sink }) => sink.texts)).toEqual(Array(64).fill(['a,', 'b,']));
      expect(ends).toEqual([]);
    });

    test('writes in a turn of its own what a write makes fall due', () => {
      const { sink, outbox: box } = slow(0);
      const answering = slow(0);
      answering.sink.write = () => box.push(new Encoded('b'));
      answering.outbox.push(new Encoded('a'));
      expect(endTurn()).toBe(true);
      expect(sink.texts).toEqual([]);
      expect(endTurn()).toBe(false);
      expect(sink.texts).toEqual(['b,']);
    });
  });
});
