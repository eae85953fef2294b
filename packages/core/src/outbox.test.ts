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
    return { sink, outbox: flusher.outbox(sink, maxBytes, owner) };
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

  test('flushes to very many in slices, with the turns of others in between', () => {
    const ends: (() => void)[] = [];
    const sliced = new Flusher({ ...systemClock, endOfTurn: (task) => void ends.push(task) });
    const sinks = Array.from({ length: 2_500 }, () => new Sink(framing));
    const frame = new Encoded('a');
    for (const sink of sinks) sliced.outbox(sink, 1_000, owner).push(frame);
    const written: number[] = [];
    for (let task = ends.shift(); task !== undefined; task = ends.shift()) {
      task();
      written.push(sinks.filter(({ writes }) => writes.length > 0).length);
    }
    expect(written).toEqual([1_000, 2_000, 2_500]);
    expect(new Set(sinks.map(({ writes }) => writes[0])).size).toBe(1);
  });
});
