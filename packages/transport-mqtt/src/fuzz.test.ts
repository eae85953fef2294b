import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { connectPacket, publishPacket, type RawDevice, Stage, until } from '../test/support.ts';

/** Whatever comes: the specification's answer or a close, and nobody else is disturbed. */

let stage: Stage;
let witness: RawDevice;
beforeEach(async () => {
  stage = new Stage();
  await stage.serve({ limits: { maxFramesPerSecond: 1e6, maxConnectionsPerAddress: 1e4 } });
  witness = await stage.connected('witness');
  witness.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'witness', qos: 1 }] });
  await witness.next('suback');
});
afterEach(() => stage.end());

const versions = [4, 5] as const;
type Version = (typeof versions)[number];

const properties = { userProperties: { a: 'b' } };
/** One of each kind. */
function packetsOf(version: Version): Packet[] {
  const own = version === 5 ? { properties } : {};
  const code = version === 5 ? { reasonCode: 0 } : {};
  return [
    connectPacket('fuzz', {
      protocolVersion: version,
      ...(version === 5 && { properties: { receiveMaximum: 3 } }),
    }),
    { cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: false } as Packet,
    ...([0, 1, 2] as const).map((qos) => publishPacket('a/b', 'payload', { qos, messageId: 7, ...own })),
    ...(['puback', 'pubrec', 'pubrel', 'pubcomp'] as const).map(
      (cmd) => ({ cmd, messageId: 7, ...code }) as Packet,
    ),
    { cmd: 'subscribe', messageId: 8, subscriptions: [{ topic: 'a/+', qos: 2 }], ...own } as Packet,
    { cmd: 'suback', messageId: 8, granted: [0] } as Packet,
    { cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['a/+'], ...own } as Packet,
    { cmd: 'unsuback', messageId: 9, granted: [0] } as Packet,
    { cmd: 'pingreq' },
    { cmd: 'pingresp' },
    { cmd: 'disconnect', ...code } as Packet,
  ];
}

const bytesOf = (version: Version) =>
  packetsOf(version).map((packet) => generate(packet, { protocolVersion: version }));

/** What is answered, or ends it; then the witness is asked whether all is well. */
async function endured(device: RawDevice): Promise<void> {
  device.socket.end();
  await device.end();
  witness.send(publishPacket('witness', 'still here', { qos: 0 }));
  expect(String((await witness.next('publish')).payload)).toBe('still here');
  expect(stage.logs.filter(({ level }) => level === 'error')).toEqual([]);
  expect(stage.server.stats().disconnects.INTERNAL).toBeUndefined();
}

const connected = (version: Version) => (version === 5 ? stage.connected5('fuzz') : stage.connected('fuzz'));

const runs = (numRuns: number) => ({ numRuns, seed: 5, endOnFailure: true });

describe.each(versions)('MQTT version %i', (version) => {
  test('any bytes, before and after CONNECT', async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.uint8Array({ maxLength: 60 }), async (first, bytes) => {
        const device = first ? await stage.raw(version) : await connected(version);
        device.send(Buffer.from(bytes));
        await endured(device);
      }),
      runs(150),
    );
  }, 60_000);

  test('any packet type with any body', async () => {
    const header = fc.integer({ min: 0, max: 255 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(header, fc.uint8Array({ maxLength: 30 })), { maxLength: 4 }),
        async (all) => {
          const device = await connected(version);
          for (const [first, body] of all) device.send(Buffer.of(first, body.length, ...body));
          await endured(device);
        },
      ),
      runs(150),
    );
  }, 60_000);

  test('packets with bytes changed, cut off, and with lengths that lie', async () => {
    const mutation = fc.record({
      kind: fc.nat(),
      at: fc.nat(),
      to: fc.integer({ min: 0, max: 255 }),
      cut: fc.boolean(),
      lie: fc.option(fc.integer({ min: 0, max: 127 })),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        async (first, mutations) => {
          const device = first ? await stage.raw(version) : await connected(version);
          const all = bytesOf(version);
          for (const { kind, at, to, cut, lie } of mutations) {
            const bytes = Buffer.from(all[kind % all.length] as Buffer);
            bytes[at % bytes.length] = to;
            if (lie !== null) bytes[1] = lie;
            device.send(cut ? bytes.subarray(0, at % bytes.length) : bytes);
          }
          await endured(device);
        },
      ),
      runs(200),
    );
  }, 60_000);

  test('every packet type in every state', async () => {
    const all = bytesOf(version);
    /** Before CONNECT, after it, with a packet id in each state of QoS 2, and with a subscription. */
    const states = [undefined, [], [4], [4, 7], [9]];
    for (const state of states)
      for (const bytes of all) {
        const device = state === undefined ? await stage.raw(version) : await connected(version);
        for (const each of state ?? []) device.send(all[each] as Buffer);
        device.send(bytes);
        await endured(device);
      }
  }, 60_000);

  test('200 MB announced is refused with its header; a slow drip ends when it has taken too long', async () => {
    const device = await connected(version);
    device.send(Buffer.of(0x30, 0x80, 0xa0, 0xb3, 0x5f));
    await device.end();
    const slow = await stage.raw(version);
    for (const byte of (bytesOf(version)[0] as Buffer).subarray(0, 9)) slow.send(Buffer.of(byte));
    await until(() => stage.server.stats().clients.connecting === 1, 'it');
    stage.clock.advance(10_000);
    await slow.end();
    await endured(slow);
  });
});
