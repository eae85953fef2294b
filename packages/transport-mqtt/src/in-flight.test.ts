import type { GatewayPublication } from '@callboard/core';
import { expect, test } from '@jest/globals';
import { InFlight, type Outgoing, type Sender } from './in-flight.ts';
import { limitsWith } from './limits.ts';

const outgoing = (name: string, bytes = 1, qos: 1 | 2 = 1) => ({
  publication: { name, payload: new Uint8Array(bytes) } as GatewayPublication,
  retained: false,
  qos,
});

function note() {
  const sent: string[] = [];
  const send: Sender = {
    hasRoom: true,
    publish(id, { publication }, again) {
      sent.push(`${id} ${publication.name}${again ? ' again' : ''}`);
      return true;
    },
    pubrel: (id) => void sent.push(`${id} released`),
  };
  return { sent, send };
}

test('so many are on their way, and the next when one is acknowledged', () => {
  const inFlight = new InFlight(limitsWith({ maxInFlight: 2 }));
  const { sent, send } = note();
  for (const name of ['a', 'b', 'c', 'd']) inFlight.add(outgoing(name));
  inFlight.release(send);
  inFlight.acknowledged(9);
  inFlight.release(send);
  expect(sent).toEqual(['1 a', '2 b']);
  inFlight.acknowledged(2);
  inFlight.release(send);
  expect(sent).toEqual(['1 a', '2 b', '3 c']);
});

test('after a loss what was not acknowledged comes again, in the order in which it was sent, and then the rest', () => {
  const inFlight = new InFlight(limitsWith({ maxInFlight: 3 }));
  for (const name of ['a', 'b', 'c', 'd', 'e']) inFlight.add(outgoing(name));
  inFlight.release(note().send);
  inFlight.acknowledged(2);
  const { sent, send } = note();
  inFlight.again(send);
  expect(sent).toEqual(['1 a again', '3 c again', '4 d']);
});

test('no more waits than may, by number and by bytes', () => {
  const few = new InFlight(limitsWith({ maxQueued: 2 }));
  expect(['a', 'b', 'c'].map((name) => few.add(outgoing(name)))).toEqual([true, true, false]);
  few.release(note().send);
  expect(few.add(outgoing('d'))).toBe(true);
  const small = new InFlight(limitsWith({ maxQueuedBytes: 100 }));
  expect([60, 60, 40].map((bytes) => small.add(outgoing('a', bytes)))).toEqual([true, false, true]);
  expect(small.saturated).toBe(true);
  small.release(note().send);
  expect(small.saturated).toBe(false);
});

test('a packet id is not given twice at a time, when all have been', () => {
  const inFlight = new InFlight(limitsWith({ maxInFlight: 2 }));
  const ids: number[] = [];
  const give = () => {
    inFlight.add(outgoing('a'));
    inFlight.release({
      hasRoom: true,
      publish: (id) => ids.push(id) > 0,
      pubrel() {},
    });
  };
  give();
  for (let i = 0; i < 65_535; i++) {
    give();
    inFlight.acknowledged(ids.at(-1) as number);
  }
  expect(ids.slice(-2)).toEqual([65_535, 2]);
});

test('with QoS 2 what the device has is only released again, and makes room when that is done', () => {
  const inFlight = new InFlight(limitsWith({ maxInFlight: 2 }));
  for (const name of ['a', 'b', 'c']) inFlight.add(outgoing(name, 1, 2));
  inFlight.release(note().send);
  const name = (found: Outgoing | undefined) => found?.publication.name;
  expect(inFlight.acknowledged(1)).toBeUndefined();
  expect(name(inFlight.received(1, false))).toBe('a');
  expect(inFlight.received(9, false)).toBeUndefined();
  const { sent, send } = note();
  inFlight.again(send);
  expect(sent).toEqual(['1 released', '2 b again']);
  expect([inFlight.completed(2), inFlight.completed(1)].map(name)).toEqual([undefined, 'a']);
  inFlight.release(send);
  expect(sent).toEqual(['1 released', '2 b again', '3 c']);
});

test('no more is on its way than the device takes, also of what is sent again', () => {
  const inFlight = new InFlight(limitsWith());
  for (const name of ['a', 'b', 'c']) inFlight.add(outgoing(name));
  inFlight.release(note().send);
  const { sent, send } = note();
  inFlight.allow(1);
  inFlight.again(send);
  expect(sent).toEqual(['1 a again']);
  inFlight.acknowledged(1);
  inFlight.release(send);
  expect(sent).toEqual(['1 a again', '2 b again']);
});

test('one packet is awaited of each, by its QoS and by how far it is', () => {
  const inFlight = new InFlight(limitsWith());
  inFlight.add(outgoing('a', 1, 1));
  inFlight.add(outgoing('b', 1, 2));
  inFlight.release(note().send);
  const [puback, pubrec, pubcomp] = [0x40, 0x50, 0x70];
  const awaited = (messageId: number) =>
    [puback, pubrec, pubcomp].filter((type) => inFlight.awaits(Buffer.of(type, 2, 0, messageId)));
  expect([awaited(1), awaited(2), awaited(3)]).toEqual([[puback], [pubrec], []]);
  inFlight.received(2, false);
  inFlight.acknowledged(1);
  expect([awaited(1), awaited(2)]).toEqual([[], [pubcomp]]);
  expect(inFlight.awaits(Buffer.of(pubcomp as number, 1, 2))).toBe(false);
  expect(inFlight.awaits(Buffer.of(0x32, 2, 0, 2))).toBe(false);
});

test('what has expired while it waited makes room', () => {
  const inFlight = new InFlight(limitsWith({ maxQueued: 4 }));
  const until = (name: string, expiresAt?: number) => ({
    ...outgoing(name),
    publication: { ...outgoing(name).publication, attributes: { expiresAt } } as GatewayPublication,
  });
  const names = (all: Iterable<Outgoing>) => [...all].map(({ publication }) => publication.name);
  for (const each of [until('a', 20), until('b'), until('c', 10), until('d', 30)]) inFlight.add(each);
  expect(names(inFlight.expired(9))).toEqual([]);
  expect(names(inFlight.expired(20))).toEqual(['a', 'c']);
  expect(names(inFlight.expired(29))).toEqual([]);
  expect(['e', 'f', 'g'].map((name) => inFlight.add(outgoing(name)))).toEqual([true, true, false]);
  expect(names(inFlight.all())).toEqual(['b', 'd', 'e', 'f']);
  expect(names(inFlight.expired(30))).toEqual(['d']);
});
