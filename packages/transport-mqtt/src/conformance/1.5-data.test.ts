import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  bare,
  connectWire,
  ends,
  illFormed,
  reader,
  textOf,
  versions,
  wire,
} from '../../test/conformance.ts';
import { publishPacket, Stage } from '../../test/support.ts';

/** Section 1.5: how data is written. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

describe.each(versions)('version %i', (version) => {
  const surrogate = Buffer.of(0, 3, 0xed, 0xa0, 0x80);

  test.each([
    ['an ill-formed topic', wire(0x30, illFormed, bare(version))],
    ['a surrogate in a topic', wire(0x30, surrogate, bare(version))],
    ['NUL in a topic', wire(0x30, 'a\0', bare(version))],
    ['an ill-formed filter', wire(0x82, 0, 1, bare(version), illFormed, 0)],
    ['NUL in a filter', wire(0x82, 0, 1, bare(version), 'a\0', 0)],
    ['an ill-formed filter to unsubscribe from', wire(0xa2, 0, 1, bare(version), illFormed)],
    ['NUL in a filter to unsubscribe from', wire(0xa2, 0, 1, bare(version), 'a\0')],
  ])('%s ends it', (_, bytes) => ends(stage, version, bytes, 0x81));

  test.each([
    ['an ill-formed client id', connectWire(version, 0x02, illFormed)],
    ['NUL in a client id', connectWire(version, 0x02, 'c\0')],
    ['an ill-formed will topic', connectWire(version, 0x06, 'c', bare(version), illFormed, 'gone')],
    ['an ill-formed user name', connectWire(version, 0x82, 'c', illFormed)],
    ['NUL in a user name', connectWire(version, 0x82, 'c', 'ada\0')],
  ])('%s is not let in', async (_, bytes) => {
    await stage.serve();
    const device = await stage.raw(version);
    device.send(bytes);
    await device.end();
    expect(device.packets.filter((each) => each.cmd !== 'connack' || each.reasonCode !== 0x81)).toEqual([]);
    expect(stage.server.users.size).toBe(0);
  });

  test.each([
    ['U+FEFF is a character as any, and is not stripped off', '\ufeff'],
    ['U+FFFD is a character as any', '\ufffd'],
  ])('%s', async (_, character) => {
    await stage.serve();
    const device = await reader(stage, version, `${character}c`, [`${character}a`, 1]);
    device.send(publishPacket('a', 'no'), publishPacket(`${character}a`, `${character}yes`));
    const heard = await device.next('publish');
    expect([heard.topic, textOf(heard)]).toEqual([`${character}a`, `${character}yes`]);
    await device.quiet();
    expect(stage.server.users.has(`${character}c`)).toBe(true);
  });
});

describe('MQTT 5', () => {
  test.each([
    ['a user property that is no UTF-8', wire(0x30, 'a', 6, 0x26, illFormed, 0, 0)],
    ['a user property whose value is no UTF-8', wire(0x30, 'a', 6, 0x26, 0, 0, illFormed)],
    ['a response topic that is no UTF-8', wire(0x30, 'a', 4, 0x08, illFormed)],
    ['a content type that is no UTF-8', wire(0x30, 'a', 4, 0x03, illFormed)],
    ['a number of more bytes than it needs', wire(0x30, 'a', 0x80, 0)],
    ['a length of more bytes than it needs', Buffer.of(0xc0, 0x80, 0)],
  ])('%s ends it', (_, bytes) => ends(stage, 5, bytes, 0x81));
});
