import type { GatewayPublication } from '@callboard/core';
import { expect, test } from '@jest/globals';
import { InFlight } from './in-flight.ts';
import { limitsWith } from './limits.ts';

const outgoing = (name: string, bytes = 1) => ({
  publication: { name, payload: new Uint8Array(bytes) } as GatewayPublication,
  retained: false,
});

function note() {
  const sent: string[] = [];
  const send = (id: number, { publication }: ReturnType<typeof outgoing>, again: boolean) =>
    sent.push(`${id} ${publication.name}${again ? ' again' : ''}`);
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
  inFlight.release(() => {});
  inFlight.acknowledged(2);
  const { sent, send } = note();
  inFlight.again(send);
  expect(sent).toEqual(['1 a again', '3 c again', '4 d']);
});

test('no more waits than may, by number and by bytes', () => {
  const few = new InFlight(limitsWith({ maxQueued: 2 }));
  expect(['a', 'b', 'c'].map((name) => few.add(outgoing(name)))).toEqual([true, true, false]);
  few.release(() => {});
  expect(few.add(outgoing('d'))).toBe(true);
  const small = new InFlight(limitsWith({ maxQueuedBytes: 100 }));
  expect([60, 60, 40].map((bytes) => small.add(outgoing('a', bytes)))).toEqual([true, false, true]);
  expect(small.saturated).toBe(true);
  small.release(() => {});
  expect(small.saturated).toBe(false);
});

test('a packet id is not given twice at a time, when all have been', () => {
  const inFlight = new InFlight(limitsWith({ maxInFlight: 2 }));
  const ids: number[] = [];
  const give = () => {
    inFlight.add(outgoing('a'));
    inFlight.release((id) => ids.push(id));
  };
  give();
  for (let i = 0; i < 65_535; i++) {
    give();
    inFlight.acknowledged(ids.at(-1) as number);
  }
  expect(ids.slice(-2)).toEqual([65_535, 2]);
});
