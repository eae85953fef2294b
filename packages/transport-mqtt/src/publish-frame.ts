import type { GatewayPublication, PublicationFraming } from '@callboard/core';
import type { Delivery, QoS } from './dialect.ts';
import type { Properties } from './properties.ts';

/** What of a PUBLISH its MQTT readers are told as it came. */
export interface OwnProperties
  extends Pick<
    Properties,
    'payloadFormatIndicator' | 'contentType' | 'responseTopic' | 'correlationData' | 'userProperties'
  > {
  /** The most that it is delivered with [MQTT-3.8.4-8]. */
  readonly qos: QoS;
}

type Pairs = NonNullable<Properties['userProperties']>;

/** User properties as `meta`: a text, or an array of texts where a name is there several times. */
export function metaOf(pairs: Pairs | undefined): Record<string, unknown> | undefined {
  if (pairs === undefined) return undefined;
  const byName = new Map<string, string | string[]>();
  for (const [name, value] of pairs) {
    const before = byName.get(name);
    if (Array.isArray(before)) before.push(value);
    else byName.set(name, before === undefined ? value : [before, value]);
  }
  return Object.fromEntries(byName);
}

/** `meta` as user properties: the texts in it, and arrays of texts; all else stays here. */
function pairsOf({ attributes, content }: GatewayPublication): Pairs {
  const own = attributes?.own as OwnProperties | undefined;
  if (own !== undefined) return own.userProperties ?? [];
  const pairs: [string, string][] = [];
  for (const [name, value] of Object.entries(content.meta ?? {}))
    for (const each of Array.isArray(value) ? value : [value])
      if (typeof each === 'string' && isShort(each) && isShort(name)) pairs.push([name, each]);
  return pairs;
}

function isShort(text: string): boolean {
  return Buffer.byteLength(text) < 65_536 && !text.includes('\0');
}

/** The properties that are the same for all readers, once. */
const shared: PublicationFraming = {
  frame(publication) {
    const own: Partial<OwnProperties> = publication.attributes?.own ?? {};
    const parts: Buffer[] = [];
    if (own.payloadFormatIndicator !== undefined) parts.push(Buffer.of(0x01, own.payloadFormatIndicator));
    if (own.contentType !== undefined) parts.push(Buffer.of(0x03), sized(own.contentType));
    if (own.responseTopic !== undefined) parts.push(Buffer.of(0x08), sized(own.responseTopic));
    if (own.correlationData !== undefined) parts.push(Buffer.of(0x09), sized(own.correlationData));
    for (const [name, value] of pairsOf(publication)) parts.push(Buffer.of(0x26), sized(name), sized(value));
    return Buffer.concat(parts);
  },
};

/** PUBLISH of MQTT 5 (section 3.3), for one reader. */
export function publishFrame(
  publication: GatewayPublication,
  delivery: Delivery,
  remainingMs?: number,
): Buffer {
  const { qos, retain, again = false, messageId = 0, identifiers = [] } = delivery;
  const { name, payload } = publication;
  const parts: Uint8Array[] = [publication.framed(shared).bytes()];
  if (remainingMs !== undefined) {
    const expiry = Buffer.alloc(5, 0x02);
    expiry.writeUInt32BE(Math.min(0xffffffff, Math.ceil(remainingMs / 1_000)), 1);
    parts.push(expiry);
  }
  for (const identifier of identifiers) parts.push(Buffer.of(0x0b), variable(identifier));
  const propertyBytes = parts.reduce((sum, { length }) => sum + length, 0);
  parts.unshift(variable(propertyBytes));
  if (qos > 0) parts.unshift(Buffer.of(messageId >> 8, messageId & 255));
  parts.unshift(sized(name));
  parts.push(payload);
  const length = parts.reduce((sum, each) => sum + each.length, 0);
  const flags = (again ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
  return Buffer.concat([Buffer.of(0x30 | flags), variable(length), ...parts]);
}

function sized(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A variable byte integer (section 1.5.5). */
function variable(value: number): Buffer {
  const digits: number[] = [];
  let rest = value;
  do {
    digits.push((rest % 128) | (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(digits);
}
