import { expect } from '@jest/globals';
import { publishPacket, type RawDevice, type Stage, subscribePacket, until } from './support.ts';

/** What tests of both versions of the protocol have in common. */

export const versions = [4, 5] as const;
export type Version = (typeof versions)[number];

/** What CONNECT says for a session that waits. */
export function lasting(version: Version): object {
  return { clean: false, ...(version === 5 && { properties: { sessionExpiryInterval: 999 } }) };
}

type Field = number | string | Uint8Array;

/** A control packet: numbers are bytes, strings are texts with their lengths, arrays are as they are. */
export function wire(first: number, ...fields: readonly Field[]): Buffer {
  const body = Buffer.concat(fields.map(bytesOf));
  return Buffer.concat([Buffer.of(first), lengthOf(body.length), body]);
}

/** The length 0 of the properties that 3.1.1 does not have. */
export function bare(version: Version): Uint8Array {
  return version === 5 ? Buffer.of(0) : Buffer.of();
}

/** A text that is no UTF-8. */
export const illFormed = Buffer.of(0, 1, 0xff);

/** CONNECT: its flags, and what comes behind its properties. */
export function connectWire(version: Version, flags: number, ...payload: readonly Field[]): Buffer {
  return wire(0x10, 'MQTT', version, flags, 0, 0, bare(version), ...payload);
}

function bytesOf(field: Field): Uint8Array {
  if (typeof field === 'number') return Buffer.of(field);
  if (typeof field !== 'string') return field;
  const text = Buffer.from(field);
  return Buffer.concat([Buffer.of(text.length >> 8, text.length & 255), text]);
}

function lengthOf(length: number): Buffer {
  return length < 128 ? Buffer.of(length) : Buffer.of((length & 127) | 128, length >> 7);
}

/** A device that says this is told why, where its version has a word for that, and closed; and nobody else notices. */
export async function ends(stage: Stage, version: Version, bytes: Buffer, reasonCode: number): Promise<void> {
  await stage.serve();
  const other = await stage.connected('other', {}, version);
  const device = await stage.connected('c', {}, version);
  device.send(bytes);
  await device.end();
  const why = version === 5 ? [{ cmd: 'disconnect', reasonCode }] : [];
  expect(device.packets.slice(1)).toMatchObject(why);
  await other.quiet();
  expect(stage.logs.filter(({ level }) => level === 'error')).toEqual([]);
}

/** A device that reads by these filters. */
export async function reader(
  stage: Stage,
  version: Version,
  clientId: string,
  ...filters: [topic: string, qos?: 0 | 1 | 2][]
): Promise<RawDevice> {
  const device = await stage.connected(clientId, lasting(version), version);
  device.send(subscribePacket(1, ...filters));
  await device.next('suback');
  return device;
}

/** Its connection is lost, and its session waits. */
export async function gone(stage: Stage, device: RawDevice): Promise<void> {
  const { resumable } = stage.server.stats().clients;
  device.socket.destroy();
  await until(() => stage.server.stats().clients.resumable > resumable, 'its loss');
}

/** What it is sent from now on, byte for byte. */
export function record(device: RawDevice): () => Buffer {
  const chunks: Buffer[] = [];
  device.socket.on('data', (chunk: Buffer) => void chunks.push(chunk));
  return () => Buffer.concat(chunks);
}

/** Publishes with QoS 1, and waits for the answer. */
export async function publish(
  device: RawDevice,
  topic: string,
  payload: string,
  fields: object = {},
): Promise<void> {
  device.send(publishPacket(topic, payload, { qos: 1, messageId: 1, ...fields }));
  await device.next('puback');
}

export const textOf = ({ payload }: { payload: string | Buffer }) => String(payload);

/** SUBSCRIBE with options and properties of MQTT 5. */
export function subscribePacket5(messageId: number, subscriptions: object[], properties?: object) {
  return { cmd: 'subscribe', messageId, subscriptions, properties } as never;
}
