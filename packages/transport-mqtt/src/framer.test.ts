import { Disconnect } from '@callboard/protocol';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Framer } from './framer.ts';

const packet = (length: number, header: readonly number[]) =>
  Buffer.concat([Buffer.of(0x30, ...header), Buffer.alloc(length, 1)]);
/** Lengths at the edges of each number of bytes (table 2.4). */
const packets = [
  packet(0, [0]),
  packet(127, [127]),
  packet(128, [0x80, 1]),
  packet(16_383, [0xff, 0x7f]),
  packet(16_384, [0x80, 0x80, 1]),
];

function cut(framer: Framer): Buffer[] {
  const whole: Buffer[] = [];
  for (let next = framer.next(); next !== undefined; next = framer.next()) whole.push(next);
  return whole;
}

test('packets come whole, however they are cut', () => {
  const all = Buffer.concat(packets);
  fc.assert(
    fc.property(fc.array(fc.nat(all.length), { maxLength: 20 }), (cuts) => {
      const framer = new Framer(20_000);
      const whole: Buffer[] = [];
      const edges = [0, ...cuts.sort((a, b) => a - b), all.length];
      for (const [i, edge] of edges.entries()) {
        framer.append(all.subarray(edge, edges[i + 1]));
        whole.push(...cut(framer));
      }
      expect(whole.map((each, i) => packets[i]?.equals(each))).toEqual(packets.map(() => true));
    }),
  );
});

describe('a packet is refused by its header alone', () => {
  test.each([
    ['that announces more than is taken', Buffer.of(0x30, 0xff, 0x7f), 'FRAME_TOO_LARGE'],
    ['whose length goes on after four bytes', Buffer.of(0x10, 0xff, 0xff, 0xff, 0xff), 'MALFORMED_FRAME'],
  ] as const)('%s', (_, bytes, code) => {
    const framer = new Framer(16_385);
    framer.append(bytes);
    const { code: expected } = new Disconnect(code);
    expect(() => framer.next()).toThrow(expect.objectContaining({ code: expected }));
  });

  test('but not one that is just as large', () => {
    const framer = new Framer(16_386);
    framer.append(packets[3] as Buffer);
    expect(framer.next()).toHaveLength(16_386);
  });
});
