import { isUtf8 } from 'node:buffer';
import { Violation } from './reasons.ts';

/** Properties of a packet of MQTT 5 (section 2.2.2), of those that a client sends. */
export interface Properties {
  readonly payloadFormatIndicator?: number;
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
  readonly subscriptionIdentifier?: number;
  readonly sessionExpiryInterval?: number;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Buffer;
  readonly requestProblemInformation?: number;
  readonly willDelayInterval?: number;
  readonly requestResponseInformation?: number;
  readonly reasonString?: string;
  readonly receiveMaximum?: number;
  readonly topicAliasMaximum?: number;
  readonly topicAlias?: number;
  readonly maximumPacketSize?: number;
  /** In the order in which they came [MQTT-3.3.2-18]. */
  readonly userProperties?: readonly (readonly [name: string, value: string])[];
}

type Kind = 'flag' | 'int16' | 'int32' | 'count16' | 'count32' | 'var' | 'text' | 'binary' | 'pair';
type Name = keyof Properties;

/** Table 2-4. What counts is not 0. */
const table = new Map<number, readonly [Name, Kind]>([
  [0x01, ['payloadFormatIndicator', 'flag']],
  [0x02, ['messageExpiryInterval', 'int32']],
  [0x03, ['contentType', 'text']],
  [0x08, ['responseTopic', 'text']],
  [0x09, ['correlationData', 'binary']],
  [0x0b, ['subscriptionIdentifier', 'var']],
  [0x11, ['sessionExpiryInterval', 'int32']],
  [0x15, ['authenticationMethod', 'text']],
  [0x16, ['authenticationData', 'binary']],
  [0x17, ['requestProblemInformation', 'flag']],
  [0x18, ['willDelayInterval', 'int32']],
  [0x19, ['requestResponseInformation', 'flag']],
  [0x1f, ['reasonString', 'text']],
  [0x21, ['receiveMaximum', 'count16']],
  [0x22, ['topicAliasMaximum', 'int16']],
  [0x23, ['topicAlias', 'int16']],
  [0x26, ['userProperties', 'pair']],
  [0x27, ['maximumPacketSize', 'count32']],
]);

const acknowledgement = new Set<Name>(['reasonString', 'userProperties']);
/** Which packet may have which. */
const allowed: Readonly<Record<string, ReadonlySet<Name>>> = {
  connect: new Set<Name>([
    'sessionExpiryInterval',
    'receiveMaximum',
    'maximumPacketSize',
    'topicAliasMaximum',
    'requestResponseInformation',
    'requestProblemInformation',
    'userProperties',
    'authenticationMethod',
    'authenticationData',
  ]),
  publish: new Set<Name>([
    'payloadFormatIndicator',
    'messageExpiryInterval',
    'topicAlias',
    'responseTopic',
    'correlationData',
    'userProperties',
    'contentType',
  ]),
  will: new Set<Name>([
    'willDelayInterval',
    'payloadFormatIndicator',
    'messageExpiryInterval',
    'contentType',
    'responseTopic',
    'correlationData',
    'userProperties',
  ]),
  acknowledgement,
  subscribe: new Set<Name>(['subscriptionIdentifier', 'userProperties']),
  unsubscribe: new Set<Name>(['userProperties']),
  disconnect: new Set<Name>(['sessionExpiryInterval', 'reasonString', 'userProperties']),
};

export type PropertiesOf = keyof typeof allowed;

/**
 * Reads the properties that begin at `at`: mqtt-packet lets pass what may not be there, is there twice, or ends beyond the packet.
 * @throws Violation
 */
export function readProperties(
  bytes: Buffer,
  at: number,
  of: string,
): { properties: Properties; end: number } {
  const cursor = new Cursor(bytes, at, bytes.length);
  const length = cursor.var();
  const end = cursor.at + length;
  if (end > bytes.length) throw new Violation('malformed', 'properties beyond the end of the packet');
  const within = new Cursor(bytes, cursor.at, end);
  const properties: Record<string, unknown> = {};
  while (within.at < end) {
    const [name, kind] = table.get(within.var()) ?? [];
    if (name === undefined || kind === undefined) throw new Violation('malformed', 'an unknown property');
    if (!allowed[of]?.has(name)) throw new Violation('protocolError', `${name} may not be here`);
    if (kind === 'pair') {
      properties.userProperties ??= [];
      (properties.userProperties as [string, string][]).push([within.text(), within.text()]);
    } else {
      if (properties[name] !== undefined) throw new Violation('protocolError', `${name} is there twice`);
      properties[name] = within.value(name, kind);
    }
  }
  return { properties, end };
}

/** Reads the fields of a packet one after the other, and none beyond its end. */
export class Cursor {
  at: number;
  readonly #bytes: Buffer;
  readonly #end: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.#end = end;
  }

  value(name: string, kind: Exclude<Kind, 'pair'>): unknown {
    switch (kind) {
      case 'flag':
        return this.#within(name, this.byte(), 0, 1);
      case 'int16':
        return this.int16();
      case 'count16':
        return this.#within(name, this.int16(), 1);
      case 'int32':
        return this.#bytes.readUInt32BE(this.#past(4));
      case 'count32':
        return this.#within(name, this.#bytes.readUInt32BE(this.#past(4)), 1);
      case 'var':
        return this.#within(name, this.var(), 1);
      case 'text':
        return this.text();
      case 'binary':
        return Buffer.from(this.binary());
    }
  }

  byte(): number {
    return this.#bytes[this.#past(1)] as number;
  }

  int16(): number {
    return this.#bytes.readUInt16BE(this.#past(2));
  }

  /** A variable byte integer (section 1.5.5) [MQTT-1.5.5-1]. */
  var(): number {
    let value = 0;
    for (let i = 0; i < 4; i++) {
      const digit = this.byte();
      value += (digit & 127) * 128 ** i;
      if (digit & 128) continue;
      if (i > 0 && digit === 0) throw new Violation('malformed', 'a number with more bytes than it needs');
      return value;
    }
    throw new Violation('malformed', 'a number of more than four bytes');
  }

  skip(length: number): void {
    this.#past(length);
  }

  binary(): Buffer {
    const length = this.int16();
    const from = this.#past(length);
    return this.#bytes.subarray(from, from + length);
  }

  /** @throws Violation where it is no UTF-8, or has NUL [MQTT-1.5.4-1] [MQTT-1.5.4-2]. */
  text(): string {
    const length = this.int16();
    const from = this.#past(length);
    const text = this.#bytes.toString('utf8', from, this.at);
    // What is no UTF-8 is read as U+FFFD.
    const isText = !text.includes('\ufffd') || isUtf8(this.#bytes.subarray(from, this.at));
    if (!isText || text.includes('\0')) throw new Violation('malformed', 'not a text');
    return text;
  }

  /** Goes on behind a field. @returns where that began. */
  #past(length: number): number {
    const from = this.at;
    this.at += length;
    if (this.at > this.#end) throw new Violation('malformed', 'a field beyond the end');
    return from;
  }

  #within(name: string, value: number, least: number, most = Number.POSITIVE_INFINITY): number {
    if (value < least || value > most) throw new Violation('protocolError', `${name} may not be ${value}`);
    return value;
  }
}

/**
 * SUBSCRIBE and UNSUBSCRIBE: mqtt-packet reads filters that are no texts, too [MQTT-3.8.3-1] [MQTT-3.10.3-1].
 * @param at where the filters begin.
 * @throws Violation
 */
export function assertFilters(bytes: Buffer, at: number): void {
  const options = (bytes[0] as number) >> 4 === SUBSCRIBE ? 1 : 0;
  const cursor = new Cursor(bytes, at, bytes.length);
  while (cursor.at < bytes.length) {
    cursor.text();
    cursor.at += options;
  }
}

const SUBSCRIBE = 8;

/** Where what follows the fixed header begins. */
export function afterHeader(bytes: Buffer): number {
  let at = 1;
  while ((bytes[at] as number) & 128) at++;
  return at + 1;
}
