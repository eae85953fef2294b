import type { Clock, GatewayDraft } from '@callboard/core';
import type { IPublishPacket } from 'mqtt';
import { draftOf } from '../draft.ts';
import { owned } from '../owned.ts';
import type { Properties } from '../properties.ts';

/** The user property that says by whom a publication came to the broker. */
export const MARK = 'callboard';

/** What a broker brings, with all that it says of it but who has sent it there. */
export function draftFrom(
  { topic, payload, qos, retain, properties }: IPublishPacket,
  clock: Clock,
): GatewayDraft {
  const { messageExpiryInterval, contentType, responseTopic, correlationData } = properties ?? {};
  const { payloadFormatIndicator: isText, userProperties = {} } = properties ?? {};
  const pairs = Object.entries(userProperties).flatMap(([name, values]) =>
    name === MARK ? [] : [values].flat().map((value) => [name, value] as const),
  );
  const own: Properties = {
    ...(messageExpiryInterval !== undefined && { messageExpiryInterval }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData !== undefined && { correlationData }),
    ...(isText !== undefined && { payloadFormatIndicator: Number(isText) }),
    ...(pairs.length > 0 && { userProperties: pairs }),
  };
  return draftOf({ topic, payload: owned(payload as Buffer), qos, retain }, own, clock);
}
