import { randomBytes } from 'node:crypto';
import { Disconnect, disconnectName } from '@callboard/protocol';
import type { IConnectPacket } from 'mqtt-packet';
import { Decoder } from './decoder.ts';
import type { Device } from './device.ts';
import { type Dialect, dialectOf, type Refusal } from './dialect.ts';
import { mqtt311 } from './mqtt-311.ts';
import { Taken } from './sessions.ts';
import { isText } from './topics.ts';

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
  // Rather than one that is never sent.
  if (packet.will !== undefined && packet.will !== null)
    return refuse(
      device,
      dialect,
      'unavailable',
      new Disconnect('MALFORMED_FRAME', { reason: 'no wills here' }),
    );
  device.hold();
  const named = clientId === '' ? `auto-${randomBytes(12).toString('base64url')}` : clientId;
  enter(device, packet, named).catch((error: unknown) => {
    if (error instanceof Taken)
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

async function enter(device: Device, packet: IConnectPacket, clientId: string): Promise<void> {
  const { link, gate, dialect } = device;
  const { username, password, clean = true, keepalive = 0 } = packet;
  // Whoever names nobody is who the client id says, on this machine alone.
  const userId = username ?? (gate.host.loopbackOnly ? clientId : undefined);
  if (userId === undefined) throw new Disconnect('USER_ID_MISSING');
  const accepted = await link.authenticate({ userId, token: password?.toString(), device: clientId });
  const { session, present } = await gate.sessions.enter({ link, accepted, clientId, clean });
  session.connection = {
    protocolVersion: packet.protocolVersion ?? 4,
    keepAliveSeconds: keepalive,
    willTopic: packet.will?.topic,
  };
  device.session = session;
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
