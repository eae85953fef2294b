import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { gone, lasting, publish, reader, versions } from '../../test/conformance.ts';
import { open, publishPacket, Stage, until } from '../../test/support.ts';

/** Sections 4.3 and 4.4: the ways of QoS 0, 1 and 2, and what is sent again. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

/** A channel whose publications wait for what is decided. */
function deciding() {
  let decide = (_: boolean) => {};
  const canPublish = () =>
    new Promise<boolean>((resolve) => {
      decide = resolve;
    });
  return { channels: { '#': open, slow: { canPublish } }, decide: (allowed: boolean) => decide(allowed) };
}

describe.each([4, 5] as const)('by MQTT.js, version %i', (protocolVersion) => {
  test('devices publish with QoS 0, 1 and 2, and read', async () => {
    await stage.serve();
    const reading = await stage.device({ clientId: 'reader', protocolVersion });
    const writing = await stage.device({ clientId: 'writer', protocolVersion });
    const heard: string[] = [];
    reading.on('message', (topic, payload, { qos }) => heard.push(`${topic} ${payload} ${qos}`));
    await reading.subscribeAsync('a/+', { qos: 2 });
    for (const qos of [0, 1, 2] as const) await writing.publishAsync('a/b', `${qos}`, { qos });
    await until(() => heard.length === 3, 'all');
    expect(heard).toEqual(['a/b 0 0', 'a/b 1 1', 'a/b 2 2']);
  });
});

describe.each(versions)('version %i', (version) => {
  const published = () => stage.server.stats().publications.published;

  test('QoS 1 is acknowledged when the stream has it', async () => {
    const { channels, decide } = deciding();
    await stage.serve({ channels });
    const device = await stage.connected('c', {}, version);
    device.send(publishPacket('slow', 'x', { qos: 1, messageId: 1 }));
    await device.quiet();
    decide(true);
    expect(await device.next('puback')).toMatchObject({ messageId: 1 });
    expect(published()).toBe(1);
  });

  test('QoS 1 with a packet id that is acknowledged is a new publication, whatever its DUP says', async () => {
    await stage.serve();
    const device = await stage.connected('c', {}, version);
    await publish(device, 'a', 'x');
    await publish(device, 'a', 'x', { dup: true });
    expect(published()).toBe(2);
  });

  test('QoS 1 has DUP 0 at first, is unacknowledged until PUBACK, and then no more', async () => {
    await stage.serve();
    const device = await reader(stage, version, 'c', ['a', 1]);
    for (const text of ['1', '2']) await stage.server.publish('a', text);
    const [one, two] = [await device.next('publish'), await device.next('publish')];
    expect([one.dup, two.dup]).toEqual([false, false]);
    device.send({ cmd: 'puback', messageId: one.messageId as number });
    await device.quiet();
    await gone(stage, device);
    const back = await stage.connected('c', lasting(version), version);
    expect(await back.next('publish')).toMatchObject({ messageId: two.messageId, dup: true });
    await back.quiet();
  });

  test('QoS 2 is received when the stream has it', async () => {
    const { channels, decide } = deciding();
    await stage.serve({ channels });
    const device = await stage.connected('c', {}, version);
    device.send(publishPacket('slow', 'x', { qos: 2, messageId: 1 }));
    await device.quiet();
    decide(true);
    expect(await device.next('pubrec')).toMatchObject({ messageId: 1 });
    expect(published()).toBe(1);
  });

  test('a device publishes once with QoS 2, however often it says so, until it releases that', async () => {
    const server = await stage.serve();
    const packet = (dup: boolean) => publishPacket('a', 'x', { qos: 2, messageId: 7, dup });
    const device = await stage.connected('c', lasting(version), version);
    device.send(packet(false));
    expect(await device.next('pubrec')).toMatchObject({ messageId: 7 });
    device.send(packet(true));
    await device.next('pubrec');
    device.socket.destroy();
    await until(() => server.stats().clients.resumable === 1, 'its loss');
    const back = await stage.connected('c', lasting(version), version);
    back.send(packet(true));
    await back.next('pubrec');
    expect(published()).toBe(1);
    back.send({ cmd: 'pubrel', messageId: 7 });
    expect(await back.next('pubcomp')).toMatchObject({ messageId: 7 });
    back.send({ cmd: 'pubrel', messageId: 7 });
    const unknown = await back.next('pubcomp');
    if (version === 5) expect(unknown.reasonCode).toBe(0x92);
    back.send(packet(false));
    await back.next('pubrec');
    expect(published()).toBe(2);
  });

  test('a device is given QoS 2 once: what it has is only released again', async () => {
    await stage.serve();
    const device = await reader(stage, version, 'c', ['a', 2]);
    for (const text of ['one', 'two']) await stage.server.publish('a', text);
    const [one, two] = [await device.next('publish'), await device.next('publish')];
    expect([one.qos, one.dup, two.qos, two.dup]).toEqual([2, false, 2, false]);
    device.send({ cmd: 'pubrec', messageId: one.messageId as number });
    expect(await device.next('pubrel')).toMatchObject({ messageId: one.messageId });
    await gone(stage, device);
    const back = await stage.connected('c', lasting(version), version);
    expect(await back.next('pubrel')).toMatchObject({ messageId: one.messageId });
    expect(await back.next('publish')).toMatchObject({ messageId: two.messageId, dup: true });
    back.send({ cmd: 'pubcomp', messageId: one.messageId as number });
    await back.quiet();
    await gone(stage, back);
    const again = await stage.connected('c', lasting(version), version);
    expect(await again.next('publish')).toMatchObject({ messageId: two.messageId });
    await again.quiet();
  });

  test('nothing is sent again on the same connection', async () => {
    await stage.serve();
    const device = await reader(stage, version, 'c', ['a', 1], ['b', 2]);
    await stage.server.publish('a', 'x');
    await stage.server.publish('b', 'x');
    const two = [await device.next('publish'), await device.next('publish')];
    device.send({ cmd: 'pubrec', messageId: two[1]?.messageId as number });
    await device.next('pubrel');
    stage.clock.advance(3_600_000);
    await device.quiet();
  });
});

describe('MQTT 5', () => {
  const fields = lasting(5);

  test('QoS 2 that is refused is over: the same packet id is a new publication', async () => {
    const { channels, decide } = deciding();
    await stage.serve({ channels });
    const device = await stage.connected5('c');
    const say = async (allowed: boolean) => {
      device.send(publishPacket('slow', 'x', { qos: 2, messageId: 1 }));
      await device.quiet();
      decide(allowed);
      return (await device.next('pubrec')).reasonCode;
    };
    expect(await say(false)).toBe(0x87);
    device.send({ cmd: 'pubrel', messageId: 1 });
    expect(await device.next('pubcomp')).toMatchObject({ reasonCode: 0x92 });
    expect(await say(false)).toBe(0x87);
    expect(await say(true)).toBeLessThan(0x80);
    expect(stage.server.stats().publications.published).toBe(1);
  });

  test('QoS 2 goes its way to the end, also where it has expired', async () => {
    await stage.serve();
    const device = await stage.connected5('c', fields);
    const properties = { messageExpiryInterval: 1 };
    device.send(publishPacket('a', 'x', { qos: 2, messageId: 1, properties }));
    await device.next('pubrec');
    stage.clock.advance(5_000);
    device.send(publishPacket('a', 'x', { qos: 2, messageId: 1, dup: true, properties }));
    expect(await device.next('pubrec')).toMatchObject({ messageId: 1 });
    device.send({ cmd: 'pubrel', messageId: 1 });
    expect(await device.next('pubcomp')).toMatchObject({ messageId: 1, reasonCode: 0 });
    expect(stage.server.stats().publications.published).toBe(1);
  });

  test('what a device refuses is not sent again, what is on its way does not expire', async () => {
    await stage.serve();
    const device = await reader(stage, 5, 'c', ['a', 2]);
    const writer = await stage.connected5('w');
    for (const [i, qos] of ([1, 2, 2] as const).entries())
      writer.send(
        publishPacket('a', `${i}`, { qos, messageId: i + 1, properties: { messageExpiryInterval: 5 } }),
      );
    const ids: number[] = [];
    for (let i = 0; i < 3; i++) ids.push((await device.next('publish')).messageId as number);
    device.send({ cmd: 'puback', messageId: ids[0], reasonCode: 0x83 } as never);
    device.send({ cmd: 'pubrec', messageId: ids[1], reasonCode: 0x83 } as never);
    await device.quiet();
    await gone(stage, device);
    stage.clock.advance(10_000);
    const back = await stage.connected5('c', fields);
    expect(await back.next('publish')).toMatchObject({ messageId: ids[2], dup: true });
    await back.quiet();
  });
});
