import type { ServerOptions } from '@callboard/core';
import { describe, expect, test } from '@jest/globals';
import mqtt from 'mqtt';
import { Node } from '../../test/attached.ts';
import { type ScriptedBroker, wellMeant, withBroker } from '../../test/scripted-broker.ts';
import { open, until } from '../../test/support.ts';
import { mqttTransport } from '../index.ts';
import type { MqttBrokerOptions } from './options.ts';

/** What a broker keeps is the last value of its channel. */

let broker: ScriptedBroker;
const endings = withBroker((each) => {
  broker = each;
});

const marked = { channels: { '#': { ...open, retain: 'marked' } } } as const;

/** A server that has joined, and lets devices in itself. */
async function join(
  serverOptions: Partial<ServerOptions> = marked,
  options: Partial<MqttBrokerOptions> = {},
) {
  const devices = mqttTransport({ port: 0 });
  const node = new Node({ broker: broker.url, ...options }, serverOptions, [devices]);
  endings.push(() => node.end());
  await node.server.start();
  /** The last values: `topic=payload`. */
  const last = async (): Promise<string[]> => {
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${devices.port}`, { reconnectPeriod: 0 });
    const got: string[] = [];
    device.on('message', (topic, payload, { retain }) => got.push(`${topic}=${payload}${retain ? '' : '!'}`));
    await device.subscribeAsync('#');
    await device.publishAsync('$callboard/call', '{"id":0,"action":{"type":"NONE"}}');
    await until(() => got.some((each) => each.startsWith('$callboard')), 'what is asked for after that');
    await device.endAsync();
    return got.filter((each) => !each.startsWith('$')).sort();
  };
  return Object.assign(node, { last });
}
type Joined = Awaited<ReturnType<typeof join>>;

/** By what the broker was asked for at last. */
const idOf = (topic: string): number =>
  broker
    .of('subscribe')
    .filter(({ subscriptions: [asked] }) => asked?.topic === topic)
    .at(-1)?.properties?.subscriptionIdentifier ?? 0;

let sent = 0;
/** The node has it, and whatever came before. */
async function say(topic: string, payload: string, retain: boolean, properties: object = {}): Promise<void> {
  const messageId = ++sent;
  const all = { subscriptionIdentifier: idOf('#'), ...properties };
  broker.send({ cmd: 'publish', topic, payload, qos: 1, messageId, dup: false, retain, properties: all });
  await until(() => broker.of('puback').some((each) => each.messageId === messageId), `${topic}=${payload}`);
}

/** As long as it takes: what was asked for has its answer first. */
async function pass(node: Joined, ms: number): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
  node.clock.advance(ms);
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
}

/** The broker has said what it keeps: what comes now is published now. */
async function said(node: Joined): Promise<void> {
  const { length } = broker.of('subscribe');
  await pass(node, 5_000);
  await broker.has('subscribe', length + 1);
}

async function again(node: Joined): Promise<void> {
  const { length } = broker.of('subscribe');
  broker.drop();
  await until(() => !node.broker.connected, 'the loss');
  await node.online();
  await broker.has('subscribe', length + 1);
}

describe('of channels that keep what is marked', () => {
  test('what it keeps at the start is the last value, and then what is marked', async () => {
    const node = await join();
    node.watch('a', 'b', 'c');
    await node.online();
    await broker.has('subscribe', 1);
    await say('a', 'kept', true);
    await say('b', 'live, in the meantime', false);
    expect(await node.last()).toEqual(['a=kept']);
    await said(node);
    await say('a', 'unmarked', false);
    await say('c', 'marked', true);
    await say('c', 'marked', true);
    expect(node.told).toEqual([
      'a=kept',
      'b=live, in the meantime',
      'a=unmarked',
      // Also what is the same as before is news where it is published now.
      'c=marked',
      'c=marked',
    ]);
    expect(await node.last()).toEqual(['a=kept', 'c=marked']);
  });

  test('and none where that is cleared', async () => {
    const node = await join();
    await node.online();
    await broker.has('subscribe', 1);
    await say('a', 'kept', true);
    await say('b', 'kept', true);
    await said(node);
    await say('a', '', false);
    await say('b', '', true);
    expect(await node.last()).toEqual(['a=kept']);
  });

  test('two subscriptions tell it from what is published: one takes the place of the other', async () => {
    const node = await join();
    await node.online();
    await broker.has('subscribe', 1);
    await said(node);
    const asked = broker.of('subscribe').map(({ subscriptions: [each], properties }) => ({
      ...each,
      id: properties?.subscriptionIdentifier,
    }));
    expect(asked).toMatchObject([
      { topic: '#', qos: 1, nl: true, rap: true, rh: 0 },
      { topic: '#', qos: 1, nl: true, rap: true, rh: 2 },
    ]);
    expect(asked[0]?.id).not.toBe(asked[1]?.id);
  });

  test('what is its own, and comes back marked, is no news; what it keeps of its own is', async () => {
    const node = await join();
    node.watch('a', 'b');
    await node.online();
    await broker.has('subscribe', 1);
    const properties = { userProperties: { callboard: 'callboard-test' } };
    await say('a', 'of an earlier life', true, properties);
    await said(node);
    await say('b', 'just sent', true, properties);
    expect(node.told).toEqual(['a=of an earlier life']);
    expect(node.stats.echoes).toBe(1);
  });

  test('an old value that waits to be replaced is none; what is not to be kept replaces none', async () => {
    broker.answer = (packet) => (packet.cmd === 'publish' ? undefined : wellMeant(packet));
    const node = await join({ channels: { 'all/+': { ...open, retain: true }, ...marked.channels } });
    await node.online();
    await node.server.publish('all/a', 'new');
    await node.server.publish('b', 'passes');
    await broker.has('publish', 2);
    await say('all/a', 'old', true, { subscriptionIdentifier: 100_001 });
    await say('b', 'kept', true);
    expect(await node.last()).toEqual(['all/a=new', 'b=kept']);
  });

  test('a broker without identifiers has said what it keeps after a while', async () => {
    const connack = { cmd: 'connack', sessionPresent: false, reasonCode: 0 } as const;
    broker.answer = (packet) =>
      packet.cmd === 'connect'
        ? { ...connack, properties: { subscriptionIdentifiersAvailable: false } }
        : wellMeant(packet);
    const node = await join();
    node.watch('a');
    await node.online();
    await broker.has('subscribe', 1);
    const tell = () => say('a', 'same', true, { subscriptionIdentifier: undefined });
    await tell();
    await tell();
    await pass(node, 5_000);
    await tell();
    expect(node.told).toEqual(['a=same', 'a=same']);
    expect(await node.last()).toEqual(['a=same']);
    expect(broker.of('subscribe')).toHaveLength(1);
  });

  test('3.1.1 does not say what it keeps of what is published: none', async () => {
    const node = await join(marked, { protocol: 4 });
    node.watch('a');
    await node.online();
    await broker.has('subscribe', 1);
    await say('a', 'kept', true);
    await say('a', 'live', false);
    expect(node.told).toEqual(['a=live']);
    expect(await node.last()).toEqual([]);
  });
});

describe('over connections', () => {
  test('what it keeps no more is forgotten once it has been silent, and told', async () => {
    const node = await join();
    node.watch('still', 'gone', 'own');
    await node.online();
    await broker.has('subscribe', 1);
    for (const topic of ['still', 'gone', 'own']) await say(topic, 'kept', true);
    await said(node);
    await say('live', 'marked', true);
    await pass(node, 5_000);
    expect(await node.last()).toEqual(['gone=kept', 'live=marked', 'own=kept', 'still=kept']);
    await again(node);
    await say('still', 'kept', true);
    await said(node);
    expect(await node.last()).toHaveLength(4);
    await pass(node, 4_000);
    await say('live', 'newer', true);
    await pass(node, 1_000);
    expect(await node.last()).toEqual(['live=newer', 'still=kept']);
    expect(node.told).toEqual(['still=kept', 'gone=kept', 'own=kept', 'gone=', 'own=']);
  });

  test('not while more of it comes, nor while a channel does not take it', async () => {
    const node = await join({
      limits: { maxServerChannels: 3 },
      channels: { '#': { ...open, retain: 'marked' } },
    });
    await node.online();
    await broker.has('subscribe', 1);
    await say('a', 'kept', true);
    await say('b', 'kept', true);
    const third = node.server.channel('c').publications$.subscribe();
    await again(node);
    const first = idOf('#');
    await said(node);
    await pass(node, 3_000);
    await say('a', 'kept', true, { subscriptionIdentifier: first });
    await pass(node, 3_000);
    expect(await node.last()).toEqual(['a=kept', 'b=kept']);
    const slow = say('d', 'no room yet', true, { subscriptionIdentifier: first });
    for (let i = 0; i < 4; i++) await pass(node, 3_000);
    expect(await node.last()).toEqual(['a=kept', 'b=kept']);
    third.unsubscribe();
    for (let i = 0; i < 4; i++) await pass(node, 1_000);
    await until(() => {
      node.clock.advance(100);
      return node.stats.refused === 0 && node.server.stats().publications.published === 3;
    }, 'the one that waited');
    await slow;
    expect(await node.last()).toEqual(['a=kept', 'b=kept', 'd=no room yet']);
    for (let i = 0; i < 3; i++) await pass(node, 5_000);
    expect(await node.last()).toEqual(['a=kept', 'd=no room yet']);
  });

  test('what this server has published since stays, and what no broker has kept', async () => {
    const node = await join({ channels: { '#': { ...open, retain: true } } });
    await node.online();
    await broker.has('subscribe', 1);
    await say('a', 'kept', true);
    await say('b', 'kept', true);
    await say('c', 'kept', true);
    await said(node);
    await node.server.publish('a', 'its own');
    await say('b', 'not kept', false);
    await again(node);
    await said(node);
    await pass(node, 5_000);
    expect(await node.last()).toEqual(['a=its own', 'b=not kept']);
  });

  test('in 3.1.1, too', async () => {
    const node = await join({ channels: { '#': { ...open, retain: true } } }, { protocol: 4 });
    await node.online();
    await broker.has('subscribe', 1);
    await say('still', 'kept', true);
    await say('gone', 'kept', true);
    await again(node);
    await say('still', 'kept', true);
    for (let i = 0; i < 2; i++) await pass(node, 5_000);
    expect(await node.last()).toEqual(['still=kept']);
  });

  test('what expires is gone here when it is there', async () => {
    const node = await join();
    await node.online();
    await broker.has('subscribe', 1);
    await say('a', 'kept', true, { messageExpiryInterval: 60 });
    expect(await node.last()).toEqual(['a=kept']);
    node.clock.advance(60_000);
    expect(await node.last()).toEqual([]);
  });
});

test('properties come with it, but for the mark of who has sent it there', async () => {
  const node = await join();
  await node.online();
  await broker.has('subscribe', 1);
  const meta: unknown[] = [];
  node.server.channel('a').publications$.subscribe((publication) => meta.push(publication.meta));
  const userProperties = { callboard: 'another', room: ['hall', 'attic'], unit: 'W' };
  await say('a', 'x', false, { userProperties });
  await say('a', 'x', false, { userProperties: { callboard: 'another' } });
  expect(meta).toEqual([{ room: ['hall', 'attic'], unit: 'W' }, undefined]);
});
