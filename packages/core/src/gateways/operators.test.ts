import type { Socket } from 'node:net';
import { SimulatedClock } from '@callboard/testkit';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { filter, type MonoTypeOperatorFunction, map, tap } from 'rxjs';
import type { Inbound } from '../inbound.ts';
import { createServer, definePlugin, type Server, silentLogger } from '../index.ts';
import { provide, tokens } from '../tokens.ts';
import type { CallAnswer, Gateway, GatewayHost, GatewaySession } from './port.ts';

/** Plugins' inbound operators see what gateways' clients ask for, as they see frames. */

const open = { canSubscribe: () => true, canPublish: () => true, filters: true } as const;
const bytes = (text: string) => Buffer.from(text);

let server: Server;
let session: GatewaySession;
let clock: SimulatedClock;
beforeEach(() => {
  clock = new SimulatedClock();
});
afterEach(async () => {
  const stopped = server.disconnect();
  clock.advance(10_000);
  await stopped;
});

async function serve(...operators: MonoTypeOperatorFunction<Inbound>[]): Promise<void> {
  let host!: GatewayHost;
  const watching = definePlugin({
    name: 'watching',
    setup({ inbound }) {
      for (const operator of operators) inbound(operator);
    },
  });
  const gateway: Gateway = {
    name: 'foreign',
    foreign: true,
    start(given) {
      host = given;
    },
    stop() {},
  };
  server = createServer({
    transports: [gateway],
    channels: { '#': open, 'n/#': { ...open, payload: 'number' } },
    handlers: { SUM: ({ action }) => Number(action.a) + Number(action.b) },
    plugins: [watching],
    logger: silentLogger,
    provide: [provide(tokens.clock, clock)],
  });
  await server.start();
  const peer = host.admit({ remoteAddress: '127.0.0.1' } as Socket);
  if ('status' in peer) throw new Error(peer.code);
  const connection = {
    write() {},
    bufferedBytes: 0,
    saturated: false,
    close: () => link.closed('x'),
    terminate() {},
  };
  const link = host.accept(connection, peer);
  const accepted = { userId: 'ada', claims: {}, expiresAtMs: undefined };
  session = await link.attach(accepted, { device: 'a', resumeMs: 0, ended() {} });
}

const ask = (action: { type: string; [field: string]: unknown }) =>
  new Promise<CallAnswer>((resolve) => void session.call(action, resolve));

async function given(name: string, publish: () => Promise<unknown>): Promise<string[]> {
  const told: string[] = [];
  await session.subscribe(name, {
    deliver: ({ payload, content, attributes }) =>
      told.push(
        [payload, JSON.stringify([content.data, content.meta]), JSON.stringify(attributes)].join(' '),
      ),
    ended() {},
  });
  await publish();
  return told;
}

test('once each, with whose it is', async () => {
  const seen: string[] = [];
  await serve(tap(({ client, frame }) => void seen.push(`${client.user.id} ${JSON.stringify(frame)}`)));
  await session.subscribe('a', { deliver() {}, ended() {} });
  await session.publish({ channel: 'n/1', payload: bytes('21.50'), meta: { unit: 'C' } });
  expect(await ask({ type: 'SUM', a: 1, b: 2 })).toEqual({ result: '3' });
  expect(seen).toEqual([
    'ada {"op":"subscribe","mid":0,"channels":["a"]}',
    'ada {"op":"publish","mid":0,"channel":"n/1","data":21.5,"meta":{"unit":"C"}}',
    'ada {"op":"call","mid":0,"action":{"type":"SUM","a":1,"b":2}}',
  ]);
});

test('and refuse it, by holding it back or by throwing', async () => {
  await serve(
    tap(({ frame }) => {
      if (JSON.stringify(frame).includes('bad')) throw new Error('an operator of a plugin');
    }),
    filter(({ frame }) => !JSON.stringify(frame).includes('no')),
    // Where it is not the same any more nobody knows what was asked for.
    map((inbound) =>
      'channels' in inbound.frame ? { ...inbound, frame: { ...inbound.frame, channels: ['a'] } } : inbound,
    ),
  );
  const publish = async (text: string) => session.publish({ channel: 'x', payload: bytes(text) });
  const reader = { deliver() {}, ended() {} };
  await expect(publish('no')).rejects.toMatchObject({ code: 'REFUSED' });
  await expect(publish('bad')).rejects.toMatchObject({ code: 'PLUGIN_ERROR' });
  await expect(publish('fine')).resolves.toBe('published');
  await expect(session.subscribe('b', reader)).rejects.toMatchObject({ code: 'REFUSED' });
  await expect(session.subscribe('a', reader)).resolves.toBeUndefined();
  expect(await ask({ type: 'no' })).toMatchObject({ error: { code: 'REFUSED' } });
  expect(await ask({ type: 'bad' })).toMatchObject({ error: { code: 'PLUGIN_ERROR' } });
});

test('and change it: what is not changed stays as the device said it', async () => {
  await serve(
    map((inbound) => {
      const { client, frame } = inbound;
      if (frame.op === 'call') return { client, frame: { ...frame, action: { ...frame.action, b: 40 } } };
      if (frame.op !== 'publish') return inbound;
      if (frame.channel === 'n/to') return { client, frame: { ...frame, channel: 'n/other' } };
      if (frame.channel === 'n/data') return { client, frame: { ...frame, data: Number(frame.data) + 1 } };
      return { client, frame: { ...frame, meta: { unit: 'K' } } };
    }),
  );
  const attributes = { retain: true, own: { qos: 1 } };
  const publish = (channel: string) => async () =>
    session.publish({ channel, payload: bytes('21.50'), meta: { unit: 'C' }, attributes });
  expect(await given('n/other', publish('n/to'))).toEqual([
    '21.50 [21.5,{"unit":"C"}] {"retain":true,"own":{"qos":1}}',
  ]);
  expect(await given('n/data', publish('n/data'))).toEqual(['22.5 [22.5,{"unit":"C"}] {"retain":true}']);
  expect(await given('n/meta', publish('n/meta'))).toEqual(['21.50 [21.5,{"unit":"K"}] {"retain":true}']);
  expect(await ask({ type: 'SUM', a: 2, b: 2 })).toEqual({ result: '42' });
});
