import { generate } from 'mqtt-packet';
import { Decoder } from './decoder.ts';
import type { Dialect, Refusal } from './dialect.ts';
import { framingsOf } from './framings.ts';

/** Table 3.1. */
const returnCodes: Readonly<Record<Refusal, number>> = {
  version: 1,
  'client id': 2,
  unavailable: 3,
  credentials: 4,
  'not authorized': 5,
};

/** MQTT 3.1.1. */
export const mqtt311: Dialect = {
  decoder: new Decoder(4),
  framings: framingsOf(4),
  accepted: (sessionPresent) => generate({ cmd: 'connack', returnCode: 0, sessionPresent }),
  // [MQTT-3.2.2-4]
  refused: (why) => generate({ cmd: 'connack', returnCode: returnCodes[why], sessionPresent: false }),
  subscribed: (messageId, granted) =>
    generate({ cmd: 'suback', messageId, granted: granted.map((qos) => qos ?? 0x80) }),
  unsubscribed: (messageId) => generate({ cmd: 'unsuback', messageId, granted: [] }),
  published: (messageId) => generate({ cmd: 'puback', messageId }),
  // A server of this version closes without a word.
  disconnected: () => undefined,
};
