import { type AddressInfo, createConnection, createServer as createProxy, type Socket } from 'node:net';
import { createClient } from '@callboard/client';
import { createServer, provide, tokens } from '@callboard/core';
import { collectingLogger, LiveClock, until } from '@callboard/testkit';
import { mqttTransport } from '@callboard/transport-mqtt';
import { webSocketTransport } from '@callboard/transport-ws';
import { afterEach, expect, test } from '@jest/globals';
import { type ChannelPresenceEvent, presenceClient } from '../client.ts';
import { presence } from '../presence.ts';

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function serve(clock: LiveClock) {
  const mqtt = mqttTransport({ port: 0, host: '127.0.0.1' });
  const server = createServer({
    port: 0,
    host: '127.0.0.1',
    transports: [webSocketTransport(), mqtt],
    logger: collectingLogger(),
    provide: [provide(tokens.clock, clock)],
    channels: { 'show/+': { canSubscribe: () => true, filters: true } },
    plugins: [presence({ channels: { 'show/+': {} } })],
  });
  await server.start();
  endings.push(() => server.disconnect({ graceMs: 0 }));
  return { server, mqttPort: mqtt.port as number };
}

/** A way to the server that can be cut: nothing goes through, and nobody is told. */
async function wire(port: number) {
  const sockets = new Set<Socket>();
  let isCut = false;
  const proxy = createProxy((near) => {
    const far = createConnection(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    near.on('data', (data) => !isCut && far.write(data));
    far.on('data', (data) => !isCut && near.write(data));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  endings.push(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  return {
    endPoint: `ws://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    cut: () => {
      isCut = true;
    },
  };
}

function visit(endPoint: string, userId: string, clock: LiveClock) {
  const client = createClient({
    ...{ endPoint, userId, timers: clock, logger: collectingLogger() },
    plugins: [presenceClient()],
  });
  endings.push(async () => {
    const closed = client.close();
    clock.advance(10_000);
    await closed;
  });
  return client;
}

test('over WebSocket: people come, say something, load the page anew, and are cut off without a word', async () => {
  const clock = new LiveClock();
  const { server } = await serve(clock);
  const endPoint = `ws://127.0.0.1:${server.port}`;
  const events: string[] = [];
  const watcher = visit(endPoint, 'w', clock);
  watcher.channel('show/1').presence.subscribe((event: ChannelPresenceEvent) => {
    events.push('member' in event ? `${event.type} ${event.member.userId}` : event.type);
  });
  const told = (event: string) =>
    until(() => {
      clock.advance(20);
      return events.at(-1) === event;
    }, event);
  await told('snapshot');

  const ann = visit(endPoint, 'ann', clock);
  ann.channel('show/1').subscribe(() => {});
  await told('join ann');
  await ann.channel('show/1').presence.update({ typing: true });
  await told('update ann');
  await ann.close();
  const again = visit(endPoint, 'ann', clock);
  again.channel('show/1').subscribe(() => {});
  await until(() => {
    clock.advance(20);
    return events.length === 4;
  }, 'the page that was loaded anew');
  expect(events).toEqual(['snapshot', 'join ann', 'update ann', 'update ann']);
  expect(await watcher.channel('show/1').presence.members()).toEqual([
    { userId: 'ann', clients: [{ clientId: again.id, meta: {} }] },
  ]);

  const cable = await wire(server.port as number);
  const bob = visit(cable.endPoint, 'bob', clock);
  bob.channel('show/1').subscribe(() => {});
  await told('join bob');
  cable.cut();
  // The server finds out by its pings, and waits yet.
  await until(() => {
    clock.advance(500);
    return events.at(-1) === 'leave bob';
  }, 'the end of the grace');
  expect(events.slice(4)).toEqual(['join bob', 'leave bob']);
});

test('over MQTT: a device is in the channels whose topics it has subscribed to by their names', async () => {
  const clock = new LiveClock();
  const { server, mqttPort } = await serve(clock);
  const events: string[] = [];
  visit(`ws://127.0.0.1:${server.port}`, 'w', clock)
    .channel('show/1')
    .presence.subscribe((event) => {
      events.push('member' in event ? `${event.type} ${event.member.userId}` : event.type);
    });
  const told = (...what: string[]) =>
    until(() => {
      clock.advance(50);
      return events.join() === what.join();
    }, `${what}, not ${events}`);
  await told('snapshot');
  const device = createConnection(mqttPort, '127.0.0.1');
  endings.push(() => device.destroy());
  const text = (value: string) => Buffer.concat([Buffer.of(0, value.length), Buffer.from(value)]);
  const packet = (type: number, ...parts: Buffer[]) => {
    const body = Buffer.concat(parts);
    device.write(Buffer.concat([Buffer.of(type, body.length), body]));
  };
  // CONNECT with a user name, and a clean session; SUBSCRIBE with QoS 0.
  packet(0x10, text('MQTT'), Buffer.of(4, 0x82, 0, 0), text('door'), text('hall'));
  packet(0x82, Buffer.of(0, 1), text('show/+'), Buffer.of(0));
  await until(() => server.users.has('hall'), 'the device');
  packet(0x82, Buffer.of(0, 2), text('show/1'), Buffer.of(0));
  await told('snapshot', 'join hall');
  device.destroy();
  await told('snapshot', 'join hall', 'leave hall');
});
