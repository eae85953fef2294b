import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { publish, reader, subscribePacket5, textOf, versions } from '../../test/conformance.ts';
import { open, publishPacket, type RawDevice, Stage, subscribePacket, until } from '../../test/support.ts';

/** Sections 3.3.1.3 (RETAIN) and 3.8.3.1 (retain handling, retain as published). */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

const marked = { channels: { '#': { ...open, retain: 'marked' } } } as const;

/** Subscribes, and what it is given by the answer to a ping. */
async function lastOf(device: RawDevice, ...filters: [string, (0 | 1 | 2)?][]) {
  device.send(subscribePacket(9, ...filters));
  return (await device.rest()).flatMap((each) => (each.cmd === 'publish' ? [each] : []));
}

describe.each(versions)('version %i', (version) => {
  test('what is marked is kept, with its QoS, in the place of what was; what is not changes nothing', async () => {
    await stage.serve(marked);
    const writer = await stage.connected('w', {}, version);
    const kept = async () => {
      const device = await stage.connected('c', {}, version);
      return (await lastOf(device, ['a', 2])).map((each) => [textOf(each), each.qos, each.retain]);
    };
    await publish(writer, 'a', 'unmarked');
    expect(await kept()).toEqual([]);
    await publish(writer, 'a', 'one', { retain: true });
    expect(await kept()).toEqual([['one', 1, true]]);
    await publish(writer, 'a', 'unmarked');
    await publish(writer, 'a', '');
    expect(await kept()).toEqual([['one', 1, true]]);
    writer.send(publishPacket('a', 'two', { retain: true }));
    await writer.quiet();
    expect(await kept()).toEqual([['two', 0, true]]);
  });

  test('each topic that fits has its own', async () => {
    await stage.serve(marked);
    const writer = await stage.connected('w', {}, version);
    for (const topic of ['a/1', 'a/2', 'b']) await publish(writer, topic, topic, { retain: true });
    const device = await stage.connected('c', {}, version);
    expect((await lastOf(device, ['a/+'])).map(textOf).sort()).toEqual(['a/1', 'a/2']);
  });

  test('an empty one is read by who is there, unmarked, removes what was, and is none itself', async () => {
    await stage.serve(marked);
    const writer = await stage.connected('w', {}, version);
    await publish(writer, 'a', 'x', { retain: true });
    const present = await reader(stage, version, 'present', ['a']);
    await present.rest();
    await publish(writer, 'a', '', { retain: true });
    expect(await present.next('publish')).toMatchObject({ payload: Buffer.of(), retain: false });
    expect(await lastOf(await stage.connected('c', {}, version), ['a'])).toEqual([]);
  });

  test('it outlives the session that it is of', async () => {
    await stage.serve(marked);
    const writer = await stage.connected('w', {}, version);
    await publish(writer, 'a', 'x', { retain: true });
    writer.socket.destroy();
    await until(() => !stage.server.users.has('w'), 'the end of its session');
    const device = await stage.connected('c', {}, version);
    expect((await lastOf(device, ['a'])).map(textOf)).toEqual(['x']);
  });

  test('who subscribes again is given it again, and misses nothing', async () => {
    await stage.serve(marked);
    const writer = await stage.connected('w', {}, version);
    await publish(writer, 'a', 'last', { retain: true });
    const device = await reader(stage, version, 'c', ['a', 1]);
    await device.rest();
    device.send(publishPacket('a', '1'), subscribePacket(2, ['a', 0]), publishPacket('a', '2'));
    const heard = (await device.rest()).flatMap((each) => (each.cmd === 'publish' ? [each] : []));
    expect(heard.filter(({ retain }) => !retain).map(textOf)).toEqual(['1', '2']);
    expect(heard.filter(({ retain }) => retain).map(textOf)).toEqual(['last']);
  });
});

describe('MQTT 5', () => {
  test('retain as published, and what only is retained where it is marked', async () => {
    await stage.serve(marked);
    const [as, plain] = [await stage.connected5('as'), await stage.connected5('plain')];
    as.send(subscribePacket5(1, [{ topic: 'a', qos: 0, rap: true }]));
    plain.send(subscribePacket5(1, [{ topic: 'a', qos: 0, rap: false }]));
    for (const each of [as, plain]) await each.next('suback');
    const writer = await stage.connected5('w');
    const say = async (payload: string, retain: boolean) => {
      await publish(writer, 'a', payload, { retain });
      const flags = [(await as.next('publish')).retain, (await plain.next('publish')).retain];
      const late = await stage.connected5('reader');
      return [...flags, ...(await lastOf(late, ['a'])).map(textOf)];
    };
    expect(await say('kept', true)).toEqual([true, false, 'kept']);
    expect(await say('passing', false)).toEqual([false, false, 'kept']);
    expect(await say('', false)).toEqual([false, false, 'kept']);
    expect(await say('', true)).toEqual([true, false]);
  });

  test('it has the identifier of its subscription', async () => {
    await stage.serve(marked);
    const device = await stage.connected5('c');
    await publish(device, 'a', 'x', { retain: true });
    device.send(subscribePacket5(1, [{ topic: 'a', qos: 0 }], { subscriptionIdentifier: 7 }));
    await device.next('suback');
    expect(await device.next('publish')).toMatchObject({
      retain: true,
      properties: { subscriptionIdentifier: 7 },
    });
  });

  test('retain handling: always, for what is new, never', async () => {
    await stage.serve({ channels: { '#': { ...open, retain: true } } });
    await stage.server.publish('a', 'last');
    const device = await stage.connected5('c');
    const given = async (rh: number) => {
      device.send(subscribePacket5(1, [{ topic: 'a', qos: 0, rh }]));
      return (await device.rest()).filter(({ cmd }) => cmd === 'publish').length;
    };
    expect([await given(2), await given(1), await given(0), await given(2)]).toEqual([0, 0, 1, 0]);
    device.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] });
    expect(await given(1)).toBe(1);
  });
});
