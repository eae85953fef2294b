import type { CallAnswer } from '@callboard/core';
import { expect, test } from '@jest/globals';
import { type IPublishPacket, parser } from 'mqtt-packet';
import { call } from './call.ts';
import type { Device } from './device.ts';
import type { Session } from './session.ts';

test('an answer goes where MQTT 5 says, with the data that it is known by (MQTT 5, section 4.10)', async () => {
  const sent: IPublishPacket[] = [];
  const reader = parser({ protocolVersion: 5 });
  reader.on('packet', (packet) => sent.push(packet as IPublishPacket));
  const device = { send: (bytes: Buffer) => void reader.parse(bytes) } as unknown as Device;
  const core = {
    async call({ type }: { type: string }, answered: (answer: CallAnswer) => void) {
      answered({ result: JSON.stringify(`${type} done`) });
    },
  };
  const session = { core } as unknown as Session;
  const correlation = Buffer.of(1, 0, 255);
  await call(device, session, Buffer.from('{"type":"A"}'), { topic: 'answers/c', correlation });
  await call(device, session, Buffer.from('{"action":{"type":"B"}}'), {
    topic: 'answers/c',
    correlation: undefined,
  });
  await call(device, session, Buffer.from('{'), { topic: 'answers/c', correlation });
  expect(sent.map(({ topic, properties }) => [topic, properties?.correlationData])).toEqual([
    ['answers/c', correlation],
    ['answers/c', undefined],
    ['answers/c', correlation],
  ]);
  expect(sent.map(({ payload }) => JSON.parse(String(payload)))).toMatchObject([
    { result: 'A done' },
    { result: 'B done' },
    { error: { code: 'INVALID_REQUEST' } },
  ]);
});
