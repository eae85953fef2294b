import type { GatewayDraft, GatewayHost, GatewaySession } from '@callboard/core';
import { SimulatedClock } from '@callboard/testkit';
import { expect, test } from '@jest/globals';
import { limitsWith } from './limits.ts';
import { mqtt311 } from './mqtt-311.ts';
import { Session } from './session.ts';
import { execute } from './will.ts';

/** A will that is delayed (section 3.1.3.2.2 of MQTT 5). */

function lose(delayMs: number) {
  const clock = new SimulatedClock();
  const session = new Session('c', 'c', { clock, limits: {} } as unknown as GatewayHost, limitsWith());
  const published: string[] = [];
  session.core = {
    publish: async ({ channel }: GatewayDraft) => void published.push(channel),
  } as unknown as GatewaySession;
  const payload = Buffer.alloc(0);
  execute(session, { topic: 'gone', payload, qos: 0, retain: false, properties: {}, delayMs }, clock);
  return { clock, session, published };
}

test('is published when the device has been away for as long, once', () => {
  const { clock, session, published } = lose(5_000);
  clock.advance(4_999);
  expect(published).toEqual([]);
  clock.advance(1);
  session.pendingWill?.publish();
  expect(published).toEqual(['gone']);
});

test('is published when the session ends before that [MQTT-3.1.2-8]', () => {
  const { clock, session, published } = lose(5_000);
  session.pendingWill?.publish();
  clock.advance(10_000);
  expect(published).toEqual(['gone']);
});

test('is dropped when the device is back before that [MQTT-3.1.3-9]', () => {
  const { clock, session, published } = lose(5_000);
  session.resumed({ dialect: mqtt311 } as never);
  clock.advance(10_000);
  expect([published, session.pendingWill]).toEqual([[], undefined]);
});

test('may be delayed for longer than timers of Node.js last', () => {
  const { clock, published } = lose(4_294_967_295_000);
  clock.advance(2 ** 31 - 2);
  expect(published).toEqual([]);
});
