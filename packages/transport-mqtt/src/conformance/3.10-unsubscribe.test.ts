import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { bare, ends, gone, illFormed, lasting, reader, versions, wire } from '../../test/conformance.ts';
import { Stage, subscribePacket } from '../../test/support.ts';

/** Sections 3.10 and 3.11: UNSUBSCRIBE and UNSUBACK. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

describe.each(versions)('version %i', (version) => {
  const none = bare(version);

  test.each([
    ['other flags', wire(0xa0, 0, 1, none, 'a'), 0x81],
    ['no filter', wire(0xa2, 0, 1, none), 0x82],
    ['an ill-formed filter', wire(0xa2, 0, 1, none, illFormed), 0x81],
    ['a filter that is longer than the packet', wire(0xa2, 0, 1, none, Buffer.of(0, 9, 97)), 0x81],
  ])('with %s ends it', (_, bytes, reasonCode) => ends(stage, version, bytes, reasonCode));

  test('ends what is the same filter to the letter, and is answered in any case, once for all', async () => {
    await stage.serve();
    const device = await reader(stage, version, 'c', ['a/+', 1], ['a/b', 0], ['A/b', 0], ['b/#', 1]);
    device.send({
      cmd: 'unsubscribe',
      messageId: 9,
      unsubscriptions: ['a/+', 'a/#', 'b/+', 'a/B', 'none', 'A/b'],
    });
    const answer = await device.next('unsuback');
    expect(answer.messageId).toBe(9);
    if (version === 5) expect(answer.granted).toEqual([0, 0x11, 0x11, 0x11, 0x11, 0]);
    for (const topic of ['a/b', 'a/c', 'A/b', 'b/c']) await stage.server.publish(topic, 'x');
    const heard = (await device.rest()).map((each) => each.cmd === 'publish' && `${each.topic} ${each.qos}`);
    expect(heard).toEqual(['a/b 0', 'b/c 1']);
  });

  test('and asked for again in the same breath, goes on', async () => {
    await stage.serve();
    const device = await reader(stage, version, 'c', ['a', 1]);
    device.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] }, subscribePacket(3, ['a', 0]));
    await device.next('unsuback');
    await device.next('suback');
    await stage.server.publish('a', 'x');
    expect(await device.next('publish')).toMatchObject({ payload: Buffer.from('x'), qos: 0 });
  });

  test.each([1, 2] as const)('what has begun with QoS %i is finished', async (qos) => {
    await stage.serve();
    const device = await reader(stage, version, 'c', ['a', qos]);
    await stage.server.publish('a', 'x');
    const { messageId } = await device.next('publish');
    device.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] });
    await device.next('unsuback');
    await stage.server.publish('a', 'y');
    await gone(stage, device);
    const back = await stage.connected('c', lasting(version), version);
    expect(await back.next('publish')).toMatchObject({ messageId, dup: true, payload: Buffer.from('x') });
    back.send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId: messageId as number });
    if (qos === 2) expect(await back.next('pubrel')).toMatchObject({ messageId });
    await back.quiet();
  });
});
