import type { TlsOptions } from 'node:tls';
import { definePlugin, type Gateway, type Plugin } from '@callboard/core';
import { attached, type MqttBroker } from './attached/attached.ts';
import type { MqttBrokerOptions } from './attached/options.ts';
import { limitsWith, type MqttLimits } from './limits.ts';
import { Listener } from './listener.ts';
import { type RemoteDevice, remoteDevice } from './remote-device.ts';
import { Sessions } from './sessions.ts';
import type { MqttSessionStore } from './store.ts';
import { WebSocketFront } from './web-socket.ts';

export interface MqttTransportOptions {
  /** Listens here; 0 takes a free one. Default 1883, with `tls` 8883. */
  readonly port?: number;
  /** Where to listen. Default: everywhere with a verifier, 127.0.0.1 without one. */
  readonly host?: string;
  /**
   * TLS alone, as Node.js has it: `key`, `cert`; with `requestCert` devices show certificates that `ca` has signed, and
   * `verifyClient` is given them (`certificate`). Default: TCP.
   */
  readonly tls?: TlsOptions;
  /** Where the server's HTTP port takes MQTT over WebSocket; false: nowhere. Default `/mqtt`. */
  readonly path?: string | false;
  /**
   * Keeps sessions, and what waits for them, beyond the life of the server: `memorySessionStore()`, or `sqliteSessionStore(file)` of
   * `@callboard/transport-mqtt/sqlite`. Default: sessions end with the server.
   */
  readonly store?: MqttSessionStore;
  readonly limits?: Partial<MqttLimits>;
}

export interface MqttTransport extends Gateway {
  /** Where it listens, once the server has started. */
  readonly port: number | undefined;
  /** A plugin: the server has `device(clientId)` with it, which gives a device that has a session. */
  readonly devices: Plugin<'device', (clientId: string) => RemoteDevice | undefined>;
}

/** Devices over MQTT 3.1.1 and MQTT 5, straight to this server; or a broker that it joins. @throws RangeError, TypeError where an option is none. */
export function mqttTransport(options?: MqttTransportOptions): MqttTransport;
export function mqttTransport(options: MqttBrokerOptions): MqttBroker;
export function mqttTransport(
  options: MqttTransportOptions | MqttBrokerOptions = {},
): MqttTransport | MqttBroker {
  return 'broker' in options ? attached(options) : embedded(options);
}

function embedded(options: MqttTransportOptions): MqttTransport {
  const { tls, store, port = tls === undefined ? 1883 : 8883, path = '/mqtt' } = options;
  const limits = limitsWith(options.limits);
  let sessions: Sessions | undefined;
  let listener: Listener | undefined;
  let webSockets: WebSocketFront | undefined;
  const device = (clientId: string) => {
    const session = sessions?.get(clientId);
    return session && remoteDevice(session);
  };
  return {
    name: 'mqtt',
    foreign: true,
    devices: definePlugin({ name: 'device', setup: () => device }),
    get native() {
      return listener?.native;
    },
    get port() {
      return listener?.port;
    },
    async start(host) {
      sessions = new Sessions(host, limits, store);
      await sessions.restore();
      const gate = { host, limits, sessions };
      listener = new Listener(gate, tls);
      if (path !== false) webSockets = new WebSocketFront(gate, path);
      await listener.open(port, options.host);
    },
    async stop() {
      webSockets?.stop();
      await listener?.close();
      await sessions?.close();
    },
  };
}
