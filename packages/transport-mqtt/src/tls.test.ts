import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import type { Credentials } from '@callboard/core';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import mqtt from 'mqtt';
import { authority } from '../test/certificates.ts';
import { Stage, until } from '../test/support.ts';

let stage: Stage;
let asked: Credentials[];
beforeEach(() => {
  stage = new Stage();
  asked = [];
});
afterEach(() => stage.end());

const ours = authority();
const foreign = authority();
const server = ours.sign('server');
const kitchen = ours.sign('kitchen');

/** Devices are who their certificates say, and nobody else. */
function serve(tls: object): Promise<unknown> {
  return stage.serve(
    {
      host: '127.0.0.1',
      verifyClient(credentials) {
        asked.push(credentials);
        return credentials.certificate?.commonName === credentials.userId;
      },
    },
    { tls: { ...server, ca: ours.ca, ...tls } },
  );
}

async function connect(options: mqtt.IClientOptions): Promise<mqtt.MqttClient> {
  const device = mqtt.connect(`mqtts://127.0.0.1:${stage.mqtt.port}`, {
    protocolVersion: 4,
    reconnectPeriod: 0,
    ca: ours.ca,
    clientId: 'c',
    ...options,
  });
  stage.after(() => device.end(true));
  await new Promise<void>((resolve, reject) => {
    device.once('connect', () => resolve());
    device.once('error', reject);
    device.once('close', () => reject(new Error('closed')));
  });
  return device;
}

describe('a device with a certificate', () => {
  test('is offered to the verifier by its common name', async () => {
    await serve({ requestCert: true });
    const device = await connect(kitchen);
    let heard = '';
    device.on('message', (_, payload) => {
      heard = String(payload);
    });
    await device.subscribeAsync('a');
    await device.publishAsync('a', 'x', { qos: 1 });
    await until(() => heard === 'x', 'the publication');
    expect(asked[0]).toMatchObject({
      userId: 'kitchen',
      device: 'c',
      secure: true,
      certificate: {
        commonName: 'kitchen',
        fingerprint256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
      },
    });
    expect(stage.server.users.has('kitchen')).toBe(true);
  });

  test('is nobody else', async () => {
    await serve({ requestCert: true });
    await expect(connect({ ...kitchen, username: 'hall' })).rejects.toMatchObject({ code: 4 });
  });

  test('of another authority, or without one, is refused by TLS', async () => {
    await serve({ requestCert: true });
    await expect(connect(foreign.sign('kitchen'))).rejects.toThrow();
    await expect(connect({})).rejects.toThrow();
    expect(asked).toEqual([]);
  });

  test('of another authority has shown none, where TLS lets it', async () => {
    await serve({ requestCert: true, rejectUnauthorized: false });
    await expect(connect(foreign.sign('kitchen'))).rejects.toMatchObject({ code: 5 });
    await expect(connect({ ...foreign.sign('kitchen'), username: 'kitchen' })).rejects.toMatchObject({
      code: 4,
    });
    expect(asked.map(({ certificate }) => certificate)).toEqual([undefined]);
  });

  test('is not asked for one unless the application says so', async () => {
    await serve({});
    await expect(connect({ ...kitchen, username: 'kitchen' })).rejects.toMatchObject({ code: 4 });
    expect(asked[0]?.certificate).toBeUndefined();
  });
});

test('what speaks no TLS is refused, and does not hold up the end of the server', async () => {
  await serve({});
  const plain = connectTcp(stage.mqtt.port as number, '127.0.0.1');
  plain.on('error', () => {});
  plain.write('\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0');
  await once(plain, 'close');
  const silent = connectTcp(stage.mqtt.port as number, '127.0.0.1');
  await once(silent, 'connect');
  let closed = false;
  silent.on('error', () => {});
  silent.on('close', () => {
    closed = true;
  });
  await stage.end();
  await until(() => closed, 'the end of the silent one');
});
