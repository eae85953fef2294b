import { createClient } from '@callboard/client';
import { createServer } from '@callboard/core';
import { collectingLogger, until } from '@callboard/testkit';
import { mqttTransport } from '@callboard/transport-mqtt';
import { webSocketTransport } from '@callboard/transport-ws';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { notifyClient } from './client.ts';
import { type Item, memoryStore, notify } from './index.ts';

/** What a device gets, by real MQTT. */
interface Said {
  readonly id?: number;
  readonly result?: unknown;
  readonly action?: {
    readonly type: string;
    readonly items?: readonly Item[];
    readonly ids?: readonly string[];
  };
}

const serve = async () => {
  const mqttOnes = mqttTransport({ port: 0, host: '127.0.0.1' });
  const server = createServer({
    port: 0,
    logger: collectingLogger(),
    transports: [mqttOnes, webSocketTransport()],
    plugins: [notify({ store: memoryStore() })],
  });
  await server.start();
  return { server, port: mqttOnes.port };
};
let stage: Awaited<ReturnType<typeof serve>>;
const devices: MqttClient[] = [];
beforeEach(async () => {
  stage = await serve();
});
afterEach(async () => {
  for (const device of devices.splice(0)) await device.endAsync(true);
  await stage.server.disconnect({ graceMs: 0 });
});

/** A device of Ada's that has subscribed to her inbox. */
async function device(options: IClientOptions = {}): Promise<{ device: MqttClient; said: Said[] }> {
  const made = mqtt.connect(`mqtt://127.0.0.1:${stage.port}`, {
    ...{ clientId: 'watch', username: 'ada', reconnectPeriod: 0 },
    ...options,
  });
  devices.push(made);
  const said: Said[] = [];
  made.on('message', (_, payload) => said.push(JSON.parse(String(payload))));
  await new Promise((resolve, reject) => made.once('connect', resolve).once('error', reject));
  await made.subscribeAsync('$callboard/inbox', { qos: 1 });
  return { device: made, said };
}
const note = (key: string, inMs = 0) =>
  stage.server.notify.schedule({ key, in: inMs, to: 'ada', action: { type: 'A', key } });
const keysIn = (said: readonly Said[]) =>
  said
    .flatMap(({ action }) => (action?.type === 'NOTIFICATION' ? (action.items ?? []) : []))
    .map(({ key }) => key);

test.each([4, 5] as const)(
  'a device with MQTT %d finds it in its inbox; what it reads is read on a tab',
  async (protocolVersion) => {
    const watch = await device({ protocolVersion });
    const tab = createClient({
      endPoint: `ws://127.0.0.1:${stage.server.port}`,
      userId: 'ada',
      logger: collectingLogger(),
      plugins: [notifyClient()],
    });
    const unread: number[] = [];
    tab.notify.unread$.subscribe((count) => unread.push(count));
    await tab.connect();
    await note('k');
    await until(() => keysIn(watch.said).length > 0 && unread.at(-1) === 1, 'it on both');
    const [item] = watch.said.flatMap(({ action }) => action?.items ?? []);
    expect(item).toMatchObject({ key: 'k', action: { type: 'A' }, state: 'unread' });
    const mark = { type: 'NOTIFY_MARK', ids: [item?.id], state: 'read' };
    await watch.device.publishAsync('$callboard/call', JSON.stringify({ id: 7, action: mark }), { qos: 1 });
    await until(() => watch.said.some(({ id }) => id === 7) && unread.at(-1) === 0, 'the answer, on both');
    expect(watch.said.find(({ id }) => id === 7)).toEqual({ id: 7, result: [item?.id] });
    expect(await tab.notify.list()).toMatchObject([{ key: 'k', state: 'read' }]);
    expect(keysIn(watch.said)).toEqual(['k']);
    await tab.close();
  },
);

test('what falls due while it is away waits for its session, and a new session asks', async () => {
  const first = await device({ clean: false });
  await first.device.endAsync(true);
  await until(() => stage.server.stats().clients.resumable === 1, 'its loss');
  await note('away');
  await until(() => stage.server.stats().plugins.notify?.told === 1, 'it being told');
  const second = await device({ clean: false });
  await until(() => keysIn(second.said).length > 0, 'what waited');
  expect(keysIn(second.said)).toEqual(['away']);
  await second.device.endAsync(true);

  const other = await device({ clientId: 'another' });
  const ask = { id: 1, action: { type: 'NOTIFY_INBOX' } };
  await other.device.publishAsync('$callboard/call', JSON.stringify(ask), { qos: 1 });
  await until(() => other.said.length > 0, 'the inbox');
  expect(other.said).toMatchObject([{ id: 1, result: { items: [{ key: 'away' }], unread: 1 } }]);
});
