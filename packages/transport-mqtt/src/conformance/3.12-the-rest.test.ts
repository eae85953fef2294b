import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { bare, connectWire, ends, reader, versions, wire } from '../../test/conformance.ts';
import { type RawDevice, Stage, until } from '../../test/support.ts';

/** Sections 3.12 to 3.15: PINGREQ, DISCONNECT and AUTH. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

describe.each(versions)('version %i', (version) => {
  test('PINGREQ is answered, as often as it comes', async () => {
    await stage.serve();
    const device = await stage.connected('c', {}, version);
    device.send({ cmd: 'pingreq' }, { cmd: 'pingreq' });
    for (let i = 0; i < 2; i++) await device.next('pingresp');
    await device.quiet();
  });

  test.each([
    ['PINGREQ with other flags', wire(0xc8)],
    ['PINGREQ with something in it', wire(0xc0, 0)],
    ['DISCONNECT with other flags', wire(0xe1)],
  ])('%s ends it', (_, bytes) => ends(stage, version, bytes, 0x81));

  test('DISCONNECT is the last that is read, and the connection is closed', async () => {
    await stage.serve();
    const heard = await reader(stage, version, 'reader', ['#']);
    const device = await stage.connected('c', {}, version);
    device.send({ cmd: 'disconnect' }, wire(0x30, 'a', bare(version), Buffer.from('x')), { cmd: 'pingreq' });
    await device.end();
    expect(device.packets.slice(1)).toEqual([]);
    await heard.quiet();
  });

  test('DISCONNECT leaves no will', async () => {
    await stage.serve();
    const heard = await reader(stage, version, 'reader', ['#']);
    const will = { topic: 'gone', payload: Buffer.from('x'), qos: 0, retain: false };
    const device = await stage.connected('c', { will }, version);
    device.send({ cmd: 'disconnect' });
    await device.end();
    await until(() => !stage.server.users.has('c'), 'the end of its session');
    await heard.quiet();
  });

  test('nothing is sent after the server has ended the connection', async () => {
    let allow = (_: boolean) => {};
    const slow = () =>
      new Promise<boolean>((resolve) => {
        allow = resolve;
      });
    await stage.serve({
      channels: { slow: { canPublish: slow }, '#': { canSubscribe: () => true, filters: true } },
    });
    const device = await reader(stage, version, 'c', ['#', 1]);
    device.send(wire(0x32, 'slow', 0, 7, bare(version)));
    await device.quiet();
    const { packets } = device;
    const before = packets.length;
    [...(stage.server.users.get('c')?.clients ?? [])][0]?.disconnect();
    allow(true);
    await stage.server.publish('a', 'x');
    await device.end();
    expect(packets.slice(before).map(({ cmd }) => cmd)).toEqual(version === 5 ? ['disconnect'] : []);
  });
});

test('in 3.1.1 DISCONNECT with something in it ends it as what is malformed does: with its will', async () => {
  await stage.serve();
  const heard = await reader(stage, 4, 'reader', ['#']);
  const device = await stage.raw(4);
  device.send(connectWire(4, 0x06, 'c', 'gone', 'x'));
  await device.next('connack');
  device.send(wire(0xe0, 0));
  await device.end();
  expect(await heard.next('publish')).toMatchObject({ topic: 'gone' });
});

describe('MQTT 5', () => {
  const last = async (device: RawDevice) => {
    const packet = await device.next('disconnect');
    await device.end();
    expect(packet.properties ?? {}).not.toHaveProperty('sessionExpiryInterval');
    expect(packet.properties ?? {}).not.toHaveProperty('userProperties');
    return packet.reasonCode;
  };

  test.each([
    ['a packet too large', Buffer.of(0x30, 0xff, 0xff, 0x7f), 0x95],
    ['AUTH that was not asked for', wire(0xf0), 0x82],
    ['AUTH that goes on with what has not begun', wire(0xf0, 0x18, 0), 0x82],
    ['AUTH with other flags', wire(0xf1), 0x81],
    ['a session that waits after all', wire(0xe0, 0, 5, 0x11, 0, 0, 0, 9), 0x82],
    ['DISCONNECT with a code that is not a device’s', wire(0xe0, 0x01), 0x81],
    ['DISCONNECT with a property of others', wire(0xe0, 0, 2, 0x01, 1), 0x82],
  ])('%s ends it', (_, bytes, reasonCode) => ends(stage, 5, bytes, reasonCode));

  test('DISCONNECT says that the session is taken over', async () => {
    await stage.serve();
    const before = await stage.connected5('c', { clean: false });
    await stage.connected5('c', { clean: false });
    expect(await last(before)).toBe(0x8e);
  });

  test('DISCONNECT says that nothing came', async () => {
    await stage.serve();
    const device = await stage.connected5('c', { keepalive: 10 });
    stage.clock.advance(16_000);
    expect(await last(device)).toBe(0x8d);
  });

  test('DISCONNECT says that the server goes', async () => {
    await stage.serve();
    const device = await stage.connected5('c');
    void stage.server.disconnect();
    const look = () => {
      stage.clock.advance(1_000);
      return device.closed;
    };
    await until(look, 'its end');
    expect(await last(device)).toBe(0x8b);
  });

  test('DISCONNECT has words where they fit', async () => {
    await stage.serve();
    const words = async (reason: string) => {
      const device = await stage.connected5('c', { properties: { maximumPacketSize: 48 } });
      [...(stage.server.users.get('c')?.clients ?? [])][0]?.disconnect(4000, reason);
      const { reasonCode, properties } = await device.next('disconnect');
      await device.end();
      return [reasonCode, properties];
    };
    // Behind the type, the length, the code, and the lengths of the properties and of the string.
    const fits = 'x'.repeat(48 - 7);
    expect(await words(fits)).toEqual([expect.any(Number), { reasonString: fits }]);
    expect(await words(`${fits}x`)).toEqual([expect.any(Number), undefined]);
  });
});
