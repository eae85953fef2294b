import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Gateway, GatewayHost } from '@callboard/core';
import { Device, type Gate } from './device.ts';
import { limitsWith, type MqttLimits } from './limits.ts';
import { Sessions } from './sessions.ts';

export interface MqttTransportOptions {
  /** Listens here; 0 takes a free one. Default 1883. */
  readonly port?: number;
  /** Where to listen. Default: everywhere with a verifier, 127.0.0.1 without one. */
  readonly host?: string;
  readonly limits?: Partial<MqttLimits>;
}

export interface MqttTransport extends Gateway {
  /** Where it listens, once the server has started. */
  readonly port: number | undefined;
}

/** Devices over MQTT 3.1.1, straight to this server. @throws RangeError where a limit is none. */
export function mqttTransport(options: MqttTransportOptions = {}): MqttTransport {
  const limits = limitsWith(options.limits);
  const sockets = new Set<Socket>();
  let listener: Server | undefined;
  return {
    name: 'mqtt',
    foreign: true,
    get port() {
      return (listener?.address() as AddressInfo | null | undefined)?.port;
    },
    async start(host) {
      const gate = { host, limits, sessions: new Sessions(limits, host.limits.maxOutboxBytes) };
      listener = createServer((socket) => take(gate, socket, sockets));
      await listen(listener, options, host);
    },
    async stop() {
      const closed = new Promise((resolve) => listener?.close(resolve) ?? resolve(undefined));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function listen(
  listener: Server,
  { port = 1883, host }: MqttTransportOptions,
  { loopbackOnly }: GatewayHost,
) {
  const where = host ?? (loopbackOnly ? '127.0.0.1' : undefined);
  return new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ port, backlog: 1_024, ...(where !== undefined && { host: where }) }, resolve);
  });
}

function take(gate: Gate, socket: Socket, sockets: Set<Socket>): void {
  const peer = gate.host.admit(socket);
  if ('status' in peer) {
    gate.host.logger.debug('a device was refused', { code: peer.code });
    return void socket.destroy();
  }
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  new Device(gate, socket, peer);
}
