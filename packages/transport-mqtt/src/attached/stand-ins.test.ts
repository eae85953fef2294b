import { definePlugin, type ServerOptions } from '@callboard/core';
import { expect, test } from '@jest/globals';
import { Node } from '../../test/attached.ts';
import { type ScriptedBroker, withBroker } from '../../test/scripted-broker.ts';
import { until } from '../../test/support.ts';
import type { Availability } from './availability.ts';

/** Devices behind a broker as users: what a presence plugin sees of them. */

let broker: ScriptedBroker;
const endings = withBroker((each) => {
  broker = each;
});

const lwt = (userId: Availability['userId']): Availability => ({
  topic: 'tele/+/LWT',
  online: 'Online',
  offline: 'Offline',
  userId: userId as (device: string) => string | undefined,
});

async function join(availability: Availability, options: Partial<ServerOptions> = {}) {
  const node = new Node({ broker: broker.url, availability: [availability] }, options);
  endings.push(() => node.end());
  await node.server.start();
  await node.online();
  return node;
}

let said = 0;
async function say(device: string, payload: string): Promise<void> {
  const topic = `tele/${device}/LWT`;
  broker.send({ cmd: 'publish', topic, payload, qos: 1, messageId: ++said, dup: false, retain: false });
  await until(() => broker.of('puback').some(({ messageId }) => messageId === said), 'its acknowledgement');
}

test('a device is a user with a client while it says so: with a status, events, and what plugins have to say', async () => {
  const seen: string[] = [];
  const presence = definePlugin({
    name: 'presence',
    setup({ status, server: { events$ } }) {
      status((now, { userId }) =>
        userId === 'plug/fan' && now.status === 'ONLINE' ? { ...now, status: 'AWAY' } : now,
      );
      events$.subscribe((event) => {
        if (!/^(USER|CLIENT|STATUS)/.test(event.type)) return;
        const { userId, type, status, reason } = event as Record<string, unknown>;
        seen.push([userId, type, status ?? reason].filter(Boolean).join(' '));
      });
    },
  });
  const { server, ...node } = await join(
    lwt((device) => `plug/${device}`),
    { plugins: [presence] },
  );
  await say('lamp', 'Online');
  await say('lamp', 'Online');
  await say('fan', 'Online');
  const [client] = server.users.get('plug/lamp')?.clients ?? [];
  expect(client).toMatchObject({ device: 'lamp', transport: 'mqtt-broker', online: true });
  expect(server.stats().clients.online).toBe(2);
  expect(node.broker.devices.get('lamp')).toMatchObject({ online: true, userId: 'plug/lamp' });
  await say('lamp', 'Offline');
  expect([...server.users.keys()]).toEqual(['plug/fan']);
  expect(seen).toEqual([
    'plug/lamp USER_JOINED',
    'plug/lamp CLIENT_ONLINE',
    'plug/lamp STATUS_CHANGE ONLINE',
    'plug/fan USER_JOINED',
    'plug/fan CLIENT_ONLINE',
    'plug/fan STATUS_CHANGE AWAY',
    'plug/lamp CLIENT_GONE it says so, or its will does',
    'plug/lamp STATUS_CHANGE OFFLINE',
    'plug/lamp USER_LEFT',
  ]);
});

test('a device that nothing is known of any more is gone', async () => {
  const node = await join(lwt((device) => device));
  await say('lamp', 'Online');
  await say('lamp', '');
  expect([node.server.users.size, node.broker.devices.size]).toEqual([0, 0]);
  await say('lamp', '');
  expect(node.events.filter((type) => type.startsWith('DEVICE'))).toEqual([
    'DEVICE_ONLINE',
    'DEVICE_OFFLINE',
  ]);
});

test('only those are users that the application says are', async () => {
  const ids: Record<string, string | undefined> = { lamp: 'plug/lamp', fan: undefined, heater: '' };
  const node = await join(lwt((device) => ids[device]));
  for (const device of Object.keys(ids)) await say(device, 'Online');
  expect([...node.server.users.keys()]).toEqual(['plug/lamp']);
  expect(node.broker.devices.size).toBe(3);
  expect(node.logs.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
    'not a user id',
  ]);
});

test('one whose client was ended is there again when it says so', async () => {
  const { server } = await join(lwt((device) => device));
  await say('lamp', 'Online');
  for (const client of server.users.get('lamp')?.clients ?? []) client.disconnect();
  expect(server.users.size).toBe(0);
  await say('lamp', 'Offline');
  await say('lamp', 'Online');
  expect([...server.users.keys()]).toEqual(['lamp']);
});

test('a server that stops waits for none of them, and has them again when it is started anew', async () => {
  const node = await join(lwt((device) => device));
  await say('lamp', 'Online');
  await node.end();
  expect([node.server.users.size, node.server.stats().clients.online]).toEqual([0, 0]);
  await node.server.start();
  await until(() => node.server.users.has('lamp'), 'the lamp');
});
