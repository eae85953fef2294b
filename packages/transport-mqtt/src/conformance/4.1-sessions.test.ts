import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { gone, lasting, publish, reader, textOf, versions } from '../../test/conformance.ts';
import { open, publishPacket, Stage, until } from '../../test/support.ts';

/** Sections 4.1, 4.5 and 4.6: sessions, what is added to them, and in which order it leaves. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

describe.each(versions)('version %i', (version) => {
  test('a session stays as long as there is a connection, and what waits is added to it after that', async () => {
    await stage.serve({}, { limits: { maxSessionMs: 1_000 } });
    const device = await reader(stage, version, 'c', ['a', 1], ['b', 2], ['c', 0]);
    stage.clock.advance(3_600_000);
    await stage.server.publish('a', '1');
    expect(textOf(await device.next('publish'))).toBe('1');
    device.send({ cmd: 'puback', messageId: 1 });
    await device.quiet();
    await gone(stage, device);
    const writer = await stage.connected('w', {}, version);
    await publish(writer, 'a', '2');
    await stage.server.publish('b', '3');
    await stage.server.publish('c', 'at most once');
    const back = await stage.connected('c', lasting(version), version);
    expect(back.told.sessionPresent).toBe(true);
    expect([textOf(await back.next('publish')), textOf(await back.next('publish'))]).toEqual(['2', '3']);
    await back.quiet();
    await gone(stage, back);
    stage.clock.advance(1_000);
    await until(() => !stage.server.users.has('c'), 'the end of the session');
    expect((await stage.connected('c', lasting(version), version)).told.sessionPresent).toBe(false);
  });

  test('a clean session ends with its connection, and nothing of it is in another', async () => {
    await stage.serve();
    const device = await stage.connected('c', {}, version);
    device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] });
    await device.next('suback');
    device.socket.destroy();
    await until(() => !stage.server.users.has('c'), 'its end');
    await stage.server.publish('a', 'x');
    const back = await stage.connected('c', { clean: false }, version);
    expect(back.told.sessionPresent).toBe(false);
    await stage.server.publish('a', 'y');
    await back.quiet();
  });

  test('a session that was to end with its connection is not taken over', async () => {
    await stage.serve();
    const before = await stage.connected('c', { clean: true }, version);
    before.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] });
    await before.next('suback');
    const after = await stage.connected('c', { clean: false }, version);
    expect(after.told.sessionPresent).toBe(false);
    await stage.server.publish('a', 'x');
    await after.quiet();
  });

  test('what comes from one device is given in its order, for each QoS, also where it waits', async () => {
    await stage.serve();
    const present = await reader(stage, version, 'present', ['#', 2]);
    const away = await reader(stage, version, 'away', ['#', 2]);
    await gone(stage, away);
    const writer = await stage.connected('w', {}, version);
    const texts = Array.from({ length: 15 }, (_, i) => `${i}`);
    for (const text of texts) await publish(writer, `a/${Number(text) % 3}`, text);
    const heardBy = async (device: typeof present) => {
      const heard: string[] = [];
      while (heard.length < texts.length) heard.push(textOf(await device.next('publish')));
      return heard;
    };
    expect(await heardBy(present)).toEqual(texts);
    const back = await stage.connected('away', lasting(version), version);
    expect(await heardBy(back)).toEqual(texts);
    await gone(stage, back);
    expect(await heardBy(await stage.connected('away', lasting(version), version))).toEqual(texts);
  });

  test('acknowledgements leave in the order of what they are for', async () => {
    let allow = (_: boolean) => {};
    const canPublish = () =>
      new Promise<boolean>((resolve) => {
        allow = resolve;
      });
    await stage.serve({ channels: { '#': open, slow: { canPublish } } });
    for (const [qos, answer] of [
      [1, 'puback'],
      [2, 'pubrec'],
    ] as const) {
      const writer = await stage.connected(`w${qos}`, {}, version);
      // What is refused at once has to wait, too.
      for (const [i, topic] of ['slow', 'a', '$mine', 'b'].entries())
        writer.send(publishPacket(topic, 'x', { qos, messageId: 9 - i }));
      await writer.quiet();
      allow(true);
      for (const messageId of [9, 8, 7, 6]) expect(await writer.next(answer)).toMatchObject({ messageId });
    }
    const heard = await reader(stage, version, 'c', ['a', 2]);
    for (let i = 0; i < 3; i++) await stage.server.publish('a', `${i}`);
    const ids: number[] = [];
    for (let i = 0; i < 3; i++) ids.push((await heard.next('publish')).messageId as number);
    const order = [ids[2], ids[0], ids[1]] as number[];
    for (const messageId of order) heard.send({ cmd: 'pubrec', messageId });
    for (const messageId of order) expect(await heard.next('pubrel')).toMatchObject({ messageId });
  });
});
