import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { lasting, reader, record, textOf, versions, wire } from '../../test/conformance.ts';
import { open, type RawDevice, Stage, until } from '../../test/support.ts';

/** Sections 3.1.2.5 to 3.1.2.7, of both versions; when a will is published is in `../will.test.ts` and `../will-5.test.ts`. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

async function lost(device: RawDevice): Promise<void> {
  device.socket.destroy();
  await until(() => !stage.server.users.has('c'), 'its end');
}

describe.each(versions)('version %i', (version) => {
  test.each([0, 1, 2] as const)('a will of QoS %i is published with that', async (qos) => {
    await stage.serve();
    const heard = await reader(stage, version, 'reader', ['gone', 2]);
    const will = { topic: 'gone', payload: Buffer.from('x'), qos, retain: false };
    await lost(await stage.connected('c', { will }, version));
    expect(await heard.next('publish')).toMatchObject({ topic: 'gone', qos, payload: will.payload });
  });

  test('a will is the last value where it is to be retained, and only there', async () => {
    await stage.serve({ channels: { '#': { ...open, retain: 'marked' } } });
    for (const [payload, retain] of [
      ['kept', true],
      ['passing', false],
    ] as const) {
      const will = { topic: 'gone', payload: Buffer.from(payload), qos: 0, retain };
      const present = await reader(stage, version, 'present', ['gone']);
      await present.rest();
      await lost(await stage.connected('c', { will }, version));
      expect(textOf(await nextOf(present))).toBe(payload);
    }
    const late = await reader(stage, version, 'late', ['gone']);
    expect(await late.rest()).toMatchObject([{ retain: true, payload: Buffer.from('kept') }]);
  });

  test('who has none leaves none', async () => {
    await stage.serve();
    const heard = await reader(stage, version, 'reader', ['#']);
    await lost(await stage.connected('c', {}, version));
    expect(await heard.rest()).toEqual([]);
  });
});

test.each([
  [false, 0],
  [true, 1],
])(
  'a delayed will, where a newer connection takes over, clean: %s, is published %i times',
  async (clean, times) => {
    await stage.serve();
    const heard = await reader(stage, 5, 'reader', ['gone']);
    const will = {
      topic: 'gone',
      payload: Buffer.from('x'),
      qos: 0,
      retain: false,
      properties: { willDelayInterval: 5 },
    };
    const before = await stage.connected5('c', { ...lasting(5), will });
    const after = await stage.connected5('c', { ...lasting(5), clean });
    await before.end();
    await after.quiet();
    expect(await heard.rest()).toHaveLength(times);
    stage.clock.advance(10_000);
    await heard.quiet();
  },
);

test('user properties of a will keep their order', async () => {
  await stage.serve();
  const heard = await reader(stage, 5, 'reader', ['gone']);
  const bytes = record(heard);
  const pairs = Buffer.concat(
    [
      ['x', '1'],
      ['y', '2'],
      ['x', '3'],
    ].map(([name, value]) => wire(0x26, name as string, value as string)),
  );
  // Each of them is the identifier 0x26 and two texts, without a length.
  const properties = Buffer.concat([0, 8, 16].map((at) => withoutLength(pairs.subarray(at, at + 8))));
  const device = await stage.raw(5);
  device.send(wire(0x10, 'MQTT', 5, 6, 0, 0, 0, 'c', properties.length, properties, 'gone', 'x'));
  await device.next('connack');
  await lost(device);
  await heard.next('publish');
  expect(bytes().includes(properties)).toBe(true);
});

function withoutLength(pair: Buffer): Buffer {
  return Buffer.concat([pair.subarray(0, 1), pair.subarray(2)]);
}

/** The next publication that is live. */
async function nextOf(device: RawDevice) {
  for (;;) {
    const packet = await device.next();
    if (packet.cmd === 'publish' && !packet.retain) return packet;
  }
}
