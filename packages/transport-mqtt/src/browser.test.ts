import { type MemoryTransport, memoryTransport, TestClient } from '@callboard/testkit';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { open, publishPacket, type RawDevice, Stage, subscribePacket } from '../test/support.ts';

/** A page, which speaks frames, and a device on the same channels. */

let stage: Stage;
let transport: MemoryTransport;
beforeEach(async () => {
  stage = new Stage();
  transport = memoryTransport();
  await stage.serve({
    transports: [transport],
    channels: {
      'tele/+/STATE': { ...open, payload: 'json', retain: true },
      'tele/+/LWT': { ...open, retain: true },
      'cmnd/#': open,
    },
  });
});
afterEach(() => stage.end());

async function page(userId: string) {
  const client = new TestClient(() => transport.connect(), { userId });
  await client.connect();
  return client;
}

const will = { topic: 'tele/lamp/LWT', payload: Buffer.from('Offline'), qos: 1, retain: true } as const;

/** As a Tasmota plug comes. */
async function lamp(fields: object = {}): Promise<RawDevice> {
  const device = await stage.connected('lamp', { will, username: 'lamp', ...fields });
  device.send(
    publishPacket('tele/lamp/LWT', 'Online', { qos: 1, messageId: 1, retain: true }),
    subscribePacket(2, ['cmnd/lamp/#', 1]),
  );
  await device.next('puback');
  await device.next('suback');
  return device;
}

test('both ways, by wildcards, and with the last value when the page opens', async () => {
  const device = await lamp();
  device.send(publishPacket('tele/lamp/STATE', '{"on": false}', { qos: 1, messageId: 3 }));
  await device.next('puback');
  const tab = await page('ada');
  await tab.join('tele/+/STATE');
  await tab.expectPublication({ channel: 'tele/lamp/STATE', data: { on: false }, retained: true });
  await tab.expectReply(tab.publish('cmnd/lamp/POWER', 'ON'));
  const command = await device.next('publish');
  expect([command.topic, String(command.payload), command.qos]).toEqual(['cmnd/lamp/POWER', 'ON', 1]);
  device.send(publishPacket('tele/lamp/STATE', '{"on": true}', { qos: 1, messageId: 4 }));
  await tab.expectPublication({ channel: 'tele/lamp/STATE', data: { on: true } });
  // What is no JSON reaches no page, and the device is not cut off.
  device.send(publishPacket('tele/lamp/STATE', '{"on": tru', { qos: 1, messageId: 5 }));
  await device.next('puback');
  await device.next('puback');
  await stage.server.publish('tele/lamp/STATE', 'what comes next');
  await tab.expectPublication({ data: 'what comes next' });
  expect(stage.server.stats().publications.withheld).toBe(1);
});

test('a device that dies without a word is gone for pages; one that comes back is there, whatever its will said', async () => {
  const device = await lamp();
  const [tab, own] = [await page('ada'), await page('lamp')];
  await own.subscribe(['CLIENT_GONE', 'CLIENT_ONLINE']);
  await tab.join('tele/+/LWT');
  await tab.expectPublication({ data: 'Online', retained: true });
  device.socket.destroy();
  await own.expectEvent('CLIENT_GONE');
  await tab.expectPublication({ data: 'Offline' });
  await lamp();
  await own.expectEvent('CLIENT_ONLINE');
  await tab.expectPublication({ data: 'Online' });
  // Its line is dead, and it has not noticed: the newer connection takes the place of the other.
  await lamp();
  await tab.expectPublication({ data: 'Offline' });
  await tab.expectPublication({ data: 'Online' });
  const late = await page('eve');
  await late.join('tele/lamp/LWT');
  await late.expectPublication({ data: 'Online', retained: true });
  await stage.server.publish('tele/lamp/LWT', 'what comes next');
  for (const each of [tab, late]) await each.expectPublication({ data: 'what comes next' });
});
