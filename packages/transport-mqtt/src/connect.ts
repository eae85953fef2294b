import { randomBytes } from 'node:crypto';
import { Disconnect, disconnectName } from '@callboard/protocol';
import type { IConnectPacket } from 'mqtt-packet';
import { Decoder } from './decoder.ts';
import type { Device } from './device.ts';
import { type Dialect, dialectOf, type Refusal } from './dialect.ts';
import { mqtt311 } from './mqtt-311.ts';
import { Taken } from './sessions.ts';
import { isText } from './topics.ts';
import { type Will, willOf } from './will.ts';

const MAX_CLIENT_ID = 255;

/** CONNECT (section 3.1): nothing more is read until it is answered. @throws Disconnect where it is malformed, or none. */
export function connect(device: Device, bytes: Buffer): void {
  // What a CONNECT is read by keeps its version: one for each.
  const packet = new Decoder().decode(bytes);
  if (packet.cmd !== 'connect') throw new Disconnect('CONNECT_EXPECTED');
  const dialect = dialectOf(packet.protocolVersion);
  if (dialect === undefined) return refuse(device, mqtt311, 'version', new Disconnect('UNSUPPORTED_VERSION'));
  device.dialect = dialect;
  const { clientId, username = '', clean = true } = packet;
  if (!isText(clientId) || !isText(username)) throw new Disconnect('MALFORMED_FRAME');
  // [MQTT-3.1.3-8]
  if ((clientId === '' && !clean) || clientId.length > MAX_CLIENT_ID)
    return refuse(device, dialect, 'client id', new Disconnect('MALFORMED_FRAME'));
  const will = willOf(packet);
  device.hold();
  const named = clientId === '' ? `auto-${randomBytes(12).toString('base64url')}` : clientId;
  enter(device, packet, named, will).catch((error: unknown) => {
    if (error instanceof Taken || error instanceof WillRefused)
      return refuse(device, dialect, 'not authorized', new Disconnect('UNAUTHORIZED'));
    if (!(error instanceof Disconnect))
      device.gate.host.logger.error('a device was not let in', { cause: error });
    const disconnect = error instanceof Disconnect ? error : new Disconnect('INTERNAL');
    refuse(device, dialect, refusals[disconnectName(disconnect.code)] ?? 'unavailable', disconnect);
  });
}

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
  const { session, present } = await gate.sessions.enter({ link, accepted, clientId, clean });
  if (will !== undefined) {
    const allowed = await session.core.mayPublish(will.draft);
    if (!allowed && !present) session.core.resumeMs = 0;
    if (!allowed) throw new WillRefused();
    if (!link.open) throw new Disconnect('REPLACED');
  }
  session.connection = {
    protocolVersion: packet.protocolVersion ?? 4,
    keepAliveSeconds: keepalive,
    willTopic: packet.will?.topic,
  };
  device.session = session;
  device.will = will;
  device.send(dialect.accepted(present));
  device.keepAlive(keepalive);
  session.resumed(device);
  device.release();
}

/** [MQTT-3.1.4-5] */
function refuse(device: Device, dialect: Dialect, why: Refusal, disconnect: Disconnect): void {
  device.send(dialect.refused(why));
  device.link.end(disconnect);
}
