import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { publishPacket, type RawDevice, Stage, subscribePacket, until } from '../test/support.ts';
import type { RemoteDevice } from './index.ts';

/** One that reads nothing among many: how fast the others are is for the benchmark `mqtt-frozen`. */

const READERS = 499;
const PUBLISHERS = 120;
const EACH = 17;
const NAMES = Array.from({ length: PUBLISHERS }, (_, i) => `load/${i}`);

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

async function inTurn(count: number, make: (index: number) => Promise<RawDevice>): Promise<RawDevice[]> {
  const made: RawDevice[] = [];
  for (let i = 0; i < count; i += 50)
    made.push(...(await Promise.all(Array.from({ length: Math.min(50, count - i) }, (_, n) => make(i + n)))));
  return made;
}

test.each([0, 1] as const)(
  'a frozen subscriber among 500, by QoS %i, while 120 publish: the others get all, in order, and every publication is acknowledged',
  async (qos) => {
    await stage.serve();
    const subscribed = async (device: RawDevice, filter: string) => {
      device.send(subscribePacket(1, [filter, qos]));
      await device.next('suback');
      return device;
    };
    const frozen = await subscribed(await stage.connected('frozen', { clean: false }), 'load/#');
    const readers = await inTurn(READERS, async (i) =>
      subscribed(await stage.connected(`r${i}`), NAMES[i % PUBLISHERS] as string),
    );
    const publishers = await inTurn(PUBLISHERS, (i) => stage.connected(`p${i}`));
    for (const reader of readers)
      reader.socket.on('data', () => {
        // As a device does.
        for (const packet of reader.packets.splice(0))
          if (packet.cmd === 'publish') {
            got(reader).push(packet.payload.toString('utf8', 0, 2));
            if (packet.qos === 1) reader.send({ cmd: 'puback', messageId: packet.messageId as number });
          }
      });
    frozen.socket.pause();

    const texts = Array.from({ length: EACH }, (_, i) => String(i).padStart(2, '0'));
    for (const [i, publisher] of publishers.entries())
      publisher.send(
        ...texts.map((text, n) =>
          publishPacket(NAMES[i] as string, text.padEnd(8_000), { qos: 1, messageId: n + 1 }),
        ),
      );
    const acknowledged = () => publishers.every(({ packets }) => packets.length === 1 + EACH);
    await until(acknowledged, 'all acknowledgements', 20_000);
    const all = () => readers.every((reader) => got(reader).length === EACH);
    await until(all, 'what all others are to get', 20_000);
    for (const reader of readers) expect(got(reader)).toEqual(texts);

    // What is kept for it is bounded; what must get there and cannot ends its connection.
    expect((stage.server as unknown as Devices).device('frozen')?.dropped).toBeGreaterThan(100);
    expect(stage.server.stats().disconnects).toEqual(qos === 0 ? {} : { SLOW_READER: 1 });
  },
);

interface Devices {
  device(clientId: string): RemoteDevice | undefined;
}

const received = new WeakMap<RawDevice, string[]>();
function got(reader: RawDevice): string[] {
  const known = received.get(reader) ?? [];
  received.set(reader, known);
  return known;
}
