import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import type { Credentials, Limits } from '@callboard/core';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import mqtt from 'mqtt';
import { authority } from '../test/certificates.ts';
import { Stage, until } from '../test/support.ts';
import type { MqttLimits } from './index.ts';

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
function serve(
  tls: object,
  limits: Partial<Limits> = {},
  mqttLimits: Partial<MqttLimits> = {},
): Promise<unknown> {
  return stage.serve(
    {
      host: '127.0.0.1',
      limits,
      verifyClient(credentials) {
        asked.push(credentials);
        return credentials.certificate?.commonName === credentials.userId;
      },
    },
    { tls: { ...server, ca: ours.ca, ...tls }, limits: mqttLimits },
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

describe('who opens a connection and says nothing', () => {
  /** So many, one after the other. @param localAddress all of 127.0.0.0/8 is this machine. */
  async function open(count: number, localAddress = '127.0.0.1') {
    const sockets: Socket[] = [];
    for (let i = 0; i < count; i++) {
      const socket = connectTcp({ host: '127.0.0.1', port: stage.mqtt.port as number, localAddress });
      stage.after(() => socket.destroy());
      socket.on('error', () => {});
      await once(socket, 'connect');
      sockets.push(socket);
    }
    return sockets;
  }
  const closed = (sockets: readonly Socket[]) => sockets.filter((socket) => socket.destroyed).length;
  /** They have ended it, and this end knows. */
  function ended(sockets: readonly Socket[], count: number): Promise<void> {
    for (const socket of sockets) socket.resume();
    return until(() => closed(sockets) >= count, `${count} that are closed`);
  }

  test('has as many as its address may have, and others are served', async () => {
    await serve({ requestCert: true }, { maxConnectionsPerAddress: 10 });
    const silent = await open(30, '127.0.0.2');
    await ended(silent, 20);
    expect((await connect({ ...kitchen, keepalive: 0 })).connected).toBe(true);
    expect(closed(silent)).toBe(20);
  });

  test('has opened them, where it is counted how many one opens within a second', async () => {
    await serve({ requestCert: true }, { maxConnectsPerSecond: 10 });
    const silent = await open(8);
    await connect({ ...kitchen, clientId: 'a' });
    await connect({ ...kitchen, clientId: 'b' });
    expect(closed(silent)).toBe(0);
    await expect(connect({ ...kitchen, clientId: 'd' })).rejects.toThrow();
    stage.clock.advance(1_000);
    await connect({ ...kitchen, clientId: 'd' });
  });

  test('loses them when it is time, also one that goes on about it, byte by byte', async () => {
    await serve({ requestCert: true }, { maxConnectionsPerAddress: 3, handshakeTimeoutMs: 5_000 });
    const [silent, drip] = (await open(2)) as [Socket, Socket];
    await expect(connect({ ...kitchen, clientId: 'in' })).resolves.toBeDefined();
    // The beginning of a ClientHello.
    for (const byte of [0x16, 3, 1, 2, 0]) {
      drip.write(Buffer.of(byte));
      stage.clock.advance(999);
    }
    expect(closed([silent, drip])).toBe(0);
    await expect(connect({ ...kitchen, clientId: 'out' })).rejects.toThrow();
    stage.clock.advance(10);
    await ended([silent, drip], 2);
    for (const clientId of ['out', 'third']) await connect({ ...kitchen, clientId });
  });

  test('gives way where there are too many of all addresses, the first of them first', async () => {
    await serve({ requestCert: true }, {}, { maxHandshakes: 4 });
    const silent = await open(6, '127.0.0.2');
    await ended(silent, 2);
    expect(silent.map((socket) => socket.destroyed)).toEqual([true, true, false, false, false, false]);
    expect((await connect({ ...kitchen, keepalive: 0 })).connected).toBe(true);
    await ended(silent, 3);
    expect(closed(silent)).toBe(3);
  });

  test('is forgotten with its last connection', async () => {
    await serve({ requestCert: true }, { maxConnectionsPerAddress: 2 });
    for (let i = 0; i < 5; i++) {
      const [one, other] = (await open(2)) as [Socket, Socket];
      await expect(connect({ ...kitchen, clientId: `${i}` })).rejects.toThrow();
      one.destroy();
      await until(
        () =>
          connect({ ...kitchen, clientId: `${i}` }).then(
            (device) => device.endAsync().then(() => true),
            () => false,
          ),
        'a place',
      );
      other.destroy();
    }
  });
});
