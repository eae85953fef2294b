import type { Attributes, Clock, GatewayDraft } from '@callboard/core';
import type { QoS } from './dialect.ts';
import type { Properties } from './properties.ts';
import { metaOf, type OwnProperties } from './publish-frame.ts';

/** What a PUBLISH, or a will, says beside its properties. */
export interface Message {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
}

/** A publication of a device, as of now: it expires by that. */
export function draftOf(message: Message, properties: Properties, clock: Clock): GatewayDraft {
  const { topic, payload, qos, retain } = message;
  return {
    channel: topic,
    payload,
    meta: metaOf(properties.userProperties),
    attributes: attributesOf(message, properties, clock),
    atMostOnce: qos === 0,
    // An empty one is no last value [MQTT-3.3.1-10] [MQTT-3.3.1-11].
    forgetsLast: retain && payload.length === 0,
    ...(isJson(properties.contentType) && { format: 'json' }),
  };
}

function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/json\s*(;|$)/i.test(contentType);
}

/** Of those that have nothing else to say, the same objects: by QoS. */
const plain: readonly Attributes[] = [0, 1, 2].map((qos) => ({ own: { qos } }));
const marked: readonly Attributes[] = plain.map((each) => ({ ...each, retain: true }));

function attributesOf({ qos, retain }: Message, properties: Properties, clock: Clock): Attributes {
  if (Object.keys(properties).length === 0) return (retain ? marked : plain)[qos] as Attributes;
  const { messageExpiryInterval } = properties;
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = properties;
  const own: OwnProperties = {
    qos,
    ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData !== undefined && { correlationData }),
    ...(userProperties !== undefined && { userProperties }),
  };
  return {
    retain,
    own,
    ...(messageExpiryInterval !== undefined && { expiresAt: clock.now() + messageExpiryInterval * 1_000 }),
  };
}
