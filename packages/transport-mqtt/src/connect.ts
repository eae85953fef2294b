import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { Disconnect, disconnectName } from '@callboard/protocol';
import type { IConnectPacket } from 'mqtt-packet';
import { type Device, resumeMsOf } from './device.ts';
import { type Dialect, dialectOf, type Refusal } from './dialect.ts';
import { draftOf } from './draft.ts';
import { connackOf } from './mqtt-5.ts';
import { mqtt311 } from './mqtt-311.ts';
import { afterHeader, Cursor } from './properties.ts';
import { reasons, Violation } from './reasons.ts';
import { Taken, TooMany } from './sessions.ts';
import { type Will, willOf } from './will.ts';

/** The first byte of a CONNECT. */
const CONNECT = 0x10;
const MAX_CLIENT_ID = 255;
/** In seconds. */
const MAX_KEEP_ALIVE = 65_535;

/** CONNECT (section 3.1): nothing more is read until it is answered. @throws Disconnect where it is malformed, or none. */
export function connect(device: Device, bytes: Buffer): void {
  if (bytes[0] !== CONNECT) throw new Disconnect('CONNECT_EXPECTED');
  const version = versionOf(bytes);
  const dialect = dialectFor(device, version, bytes);
  if (dialect === undefined) return refuse(device, mqtt311, 'version', new Disconnect('UNSUPPORTED_VERSION'));
  device.dialect = dialect;
  const packet = dialect.read(bytes).packet as IConnectPacket;
  const { clientId, clean = true } = packet;
  if (dialect.properties.authenticationMethod !== undefined)
    return end(device, connackOf(reasons.badAuthenticationMethod), new Disconnect('UNAUTHORIZED'));
  // [MQTT-3.1.3-8] of 3.1.1; in MQTT 5 a client id is assigned in any case.
  if ((clientId === '' && !clean && dialect.version === 4) || clientId.length > MAX_CLIENT_ID)
    return refuse(device, dialect, 'client id', new Disconnect('MALFORMED_FRAME'));
  const will = willOf(packet, dialect.willProperties);
  // Section 3.1.3.2.3 of MQTT 5.
  if (will?.properties.payloadFormatIndicator === 1 && !isUtf8(will.payload))
    return end(device, connackOf(reasons.payloadFormatInvalid), new Disconnect('MALFORMED_FRAME'));
  device.hold();
  const named = clientId === '' ? `auto-${randomBytes(12).toString('base64url')}` : clientId;
  enter(device, packet, named, will).catch((error: unknown) => {
    if (error instanceof TooMany) return refuse(device, dialect, 'quota', new Disconnect('UNAUTHORIZED'));
    if (error instanceof Taken || error instanceof WillRefused)
      return refuse(device, dialect, 'not authorized', new Disconnect('UNAUTHORIZED'));
    if (!(error instanceof Disconnect))
      device.gate.host.logger.error('a device was not let in', { cause: error });
    const disconnect = error instanceof Disconnect ? error : new Disconnect('INTERNAL');
    refuse(device, dialect, refusals[disconnectName(disconnect.code)] ?? 'unavailable', disconnect);
  });
}

/** The version that it is of, whatever else it says: 3, as its name was MQIsdp, was 3.1. @throws Violation where it is no MQTT [MQTT-3.1.2-1]. */
function versionOf(bytes: Buffer): number {
  const cursor = new Cursor(bytes, afterHeader(bytes), bytes.length);
  const name = cursor.text();
  if (name === 'MQIsdp') return 3;
  if (name !== 'MQTT') throw new Violation('malformed', 'no MQTT');
  return cursor.byte();
}

/** @throws Violation, once a device of MQTT 5 has been told; one of 3.1.1 is not [MQTT-3.1.4-1]. */
function dialectFor(device: Device, version: number, bytes: Buffer): Dialect | undefined {
  try {
    const dialect = dialectOf(version, bytes, device.gate.limits);
    if (dialect !== undefined) assertWhole(bytes, dialect.version);
    return dialect;
  } catch (error) {
    if (error instanceof Violation && version === 5) device.send(connackOf(error.reasonCode));
    throw error;
  }
}

/** Has what its flags say, and no more: mqtt-packet lets that pass, and texts that are none. @throws Violation */
function assertWhole(bytes: Buffer, version: 4 | 5): void {
  const cursor = new Cursor(bytes, afterHeader(bytes) + AFTER_VERSION, bytes.length);
  const flags = cursor.byte();
  cursor.int16();
  const skipProperties = () => version === 5 && cursor.skip(cursor.var());
  skipProperties();
  cursor.text();
  if (flags & WILL) {
    skipProperties();
    cursor.text();
    cursor.binary();
  }
  if (flags & USER_NAME) cursor.text();
  // [MQTT-3.1.2-22] of 3.1.1.
  else if (flags & PASSWORD && version === 4)
    throw new Violation('malformed', 'a password without a user name');
  if (flags & PASSWORD) cursor.binary();
  if (cursor.at !== bytes.length) throw new Violation('malformed', 'more than its flags say');
}

const AFTER_VERSION = 7;
const USER_NAME = 0x80;
const PASSWORD = 0x40;
const WILL = 0x04;

const refusals: Readonly<Record<string, Refusal>> = {
  UNAUTHORIZED: 'credentials',
  TOKEN_EXPIRED: 'credentials',
  USER_ID_MISSING: 'not authorized',
};

/** A will that the device may not publish. */
class WillRefused extends Error {}

async function enter(
  device: Device,
  packet: IConnectPacket,
  clientId: string,
  will: Will | undefined,
): Promise<void> {
  const { link, gate, dialect } = device;
  const { username, password, clean = true, keepalive = 0 } = packet;
  // Whoever names nobody is who the certificate says; on this machine alone, who the client id says.
  const { certificate } = link.peer;
  const userId = username ?? certificate?.commonName ?? (gate.host.loopbackOnly ? clientId : undefined);
  if (userId === undefined) throw new Disconnect('USER_ID_MISSING');
  const accepted = await link.authenticate({ userId, token: password?.toString(), device: clientId });
  const { sessionExpiryInterval = 0 } = dialect.properties;
  const unasked = clean ? 0 : gate.limits.maxSessionMs;
  const resumeMs = dialect.version === 4 ? unasked : resumeMsOf(sessionExpiryInterval, gate.limits);
  const arrival = { link, accepted, clientId, clean, resumeMs };
  const { session, present } = await gate.sessions.enter(arrival);
  if (will !== undefined) {
    const allowed = await session.core.mayPublish(draftOf(will, will.properties, device.clock));
    if (!allowed && !present) session.core.resumeMs = 0;
    if (!allowed) throw new WillRefused();
    if (!link.open) throw new Disconnect('REPLACED');
  }
  const longest = Math.min(MAX_KEEP_ALIVE, gate.limits.maxKeepAliveMs / 1_000);
  const imposed =
    dialect.version === 5 && (keepalive > longest || (keepalive === 0 && longest < MAX_KEEP_ALIVE));
  const keepAliveSeconds = imposed ? Math.floor(longest) : keepalive;
  session.connection = {
    protocolVersion: dialect.version,
    keepAliveSeconds,
    willTopic: will?.topic,
  };
  device.session = session;
  device.will = will;
  device.send(
    dialect.accepted({
      sessionPresent: present,
      resumeMs,
      assignedClientId: packet.clientId === '' ? clientId : undefined,
      serverKeepAlive: imposed ? keepAliveSeconds : undefined,
    }),
  );
  device.keepAlive(keepAliveSeconds);
  session.resumed(device);
  device.release();
}

/** [MQTT-3.1.4-5] */
function refuse(device: Device, dialect: Dialect, why: Refusal, disconnect: Disconnect): void {
  end(device, dialect.refused(why), disconnect);
}

function end(device: Device, connack: Buffer, disconnect: Disconnect): void {
  device.send(connack);
  device.link.end(disconnect);
}
