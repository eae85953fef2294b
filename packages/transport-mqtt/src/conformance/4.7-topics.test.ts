import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { bare, ends, publish, reader, versions, wire } from '../../test/conformance.ts';
import { publishPacket, Stage, subscribePacket } from '../../test/support.ts';

/** Section 4.7: topic names and topic filters. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

describe.each(versions)('version %i', (version) => {
  const subscribe = (filter: string) => wire(0x82, 0, 1, bare(version), filter, 0);
  const unsubscribe = (filter: string) => wire(0xa2, 0, 1, bare(version), filter);

  test.each([
    ['levels after #', subscribe('#/b')],
    ['# within a level', subscribe('a/b#')],
    ['+ within a level', subscribe('a+/b')],
    ['+ before something in a level', subscribe('a/+b')],
    ['an empty filter', subscribe('')],
    ['an empty filter to unsubscribe from', unsubscribe('')],
    ['# within a level to unsubscribe from', unsubscribe('a/b#')],
    ['NUL in a filter', subscribe('a/\0')],
  ])('%s ends it', (_, bytes) => ends(stage, version, bytes, 0x81));

  test('an empty topic ends it', () =>
    ends(stage, version, wire(0x30, '', bare(version)), version === 5 ? 0x82 : 0x81));

  test.each([
    ['+', ['a', 'b']],
    ['+/+', ['a/b', '/a', 'a/', '/']],
    ['/+', ['/a', '/']],
    ['a/#', ['a', 'a/b', 'a/b/c', 'a/']],
    ['+/b/#', ['a/b', 'a/b/c']],
    ['#', ['a', 'b', 'a/b', 'a/b/c', '/a', 'a/', '/']],
    ['a/+/c', ['a/b/c']],
    ['a', ['a']],
    ['a/', ['a/']],
    ['/', ['/']],
  ])('%s fits what it says', async (filter, fits) => {
    await stage.serve();
    const device = await reader(stage, version, 'c', [filter]);
    const topics = ['a', 'b', 'a/b', 'a/b/c', '/a', 'a/', '/'];
    for (const topic of topics) await stage.server.publish(topic, 'x');
    expect(await topicsOf(device)).toEqual(fits);
  });

  test('nothing is normalised: letters, accents and empty levels are as they are', async () => {
    await stage.serve();
    const [composed, decomposed] = ['\u00e9', 'e\u0301'];
    const names = ['a', 'A', 'a ', ' a', 'a//b', 'a/b', composed, decomposed, 'ａ', 'a/./b', '%61'];
    const writer = await stage.connected('w', {}, version);
    for (const [i, name] of names.entries()) {
      const device = await reader(stage, version, `c${i}`, [name]);
      for (const each of names) await publish(writer, each, 'x');
      expect(await topicsOf(device)).toEqual([name]);
    }
  });

  test('wildcards at the beginning do not fit topics that begin with $, and no device publishes there', async () => {
    await stage.serve();
    const device = await reader(stage, version, 'c', ['#'], ['+/inbox'], ['+/events/#'], ['a']);
    const writer = await stage.connected('w', {}, version);
    for (const topic of ['$callboard/inbox', '$callboard/events/x', '$SYS/a', '$a'])
      await publish(writer, topic, 'x');
    stage.server.sendToUser(['c'], { type: 'HELLO' });
    await stage.connected('another', {}, version);
    expect(await topicsOf(device)).toEqual([]);
    device.send(subscribePacket(3, ['$callboard/inbox']));
    await device.next('suback');
    await stage.server.sendToUser(['c'], { type: 'HELLO' });
    expect(await topicsOf(device)).toEqual(['$callboard/inbox']);
  });

  test('no topic is longer than a text may be: channels are shorter, and others are published by nobody', async () => {
    await stage.serve();
    const device = await reader(stage, version, 'c', ['#']);
    await expect(async () => stage.server.publish('a'.repeat(65_536), 'x')).rejects.toThrow();
    const writer = await stage.connected('w', {}, version);
    for (const topic of ['a'.repeat(256), 'a'.repeat(65_535), '/'.repeat(32)]) {
      writer.send(publishPacket(topic, 'x', { qos: 1, messageId: 1 }));
      expect(await writer.next('puback')).toMatchObject(version === 5 ? { reasonCode: 0x90 } : {});
    }
    await publish(writer, 'a'.repeat(255), 'x');
    expect(await topicsOf(device)).toEqual(['a'.repeat(255)]);
  });

  async function topicsOf(device: Awaited<ReturnType<typeof reader>>) {
    return (await device.rest()).map((each) => each.cmd === 'publish' && each.topic);
  }
});
