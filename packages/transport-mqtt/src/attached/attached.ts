import { type Gateway, type GatewayHost, type LogFields, silentLogger } from '@callboard/core';
import type { Observable } from 'rxjs';
import { type DeviceAvailability, Devices } from './availability.ts';
import { Bridge } from './bridge.ts';
import { type MqttBrokerOptions, settingsOf } from './options.ts';
import { StandIns } from './stand-ins.ts';

export interface MqttBroker extends Gateway {
  /** Whether the broker is there. */
  readonly connected: boolean;
  /** Devices behind the broker that have said whether they are there, by what `availability` calls them. */
  readonly devices: ReadonlyMap<string, DeviceAvailability>;
  /** Which of them come and go, from now on. */
  readonly devices$: Observable<DeviceAvailability>;
}

/** Joins a broker. @throws TypeError, RangeError where an option is none. */
export function attached(options: MqttBrokerOptions): MqttBroker {
  const settings = settingsOf(options);
  let host: GatewayHost | undefined;
  const logger = {
    ...silentLogger,
    error: (message: string, fields?: LogFields) => host?.logger.error(message, fields),
  };
  const devices = new Devices(settings.availability, settings.limits.maxDevices, logger);
  let bridge: Bridge | undefined;
  let telling: { unsubscribe(): void } | undefined;
  let standIns: StandIns | undefined;
  return {
    name: settings.name,
    foreign: true,
    events: ['BROKER_ONLINE', 'BROKER_OFFLINE', 'DEVICE_ONLINE', 'DEVICE_OFFLINE'],
    devices: devices.byId,
    devices$: devices.changes$,
    get connected() {
      return bridge?.version !== undefined;
    },
    stats() {
      return {
        connected: bridge?.version === undefined ? 0 : 1,
        version: bridge?.version ?? 0,
        connects: bridge?.connects ?? 0,
        received: bridge?.received ?? 0,
        sent: bridge?.sent ?? 0,
        queued: bridge?.queue.length ?? 0,
        queuedBytes: bridge?.queue.bytes ?? 0,
        dropped: bridge?.queue.dropped ?? 0,
        echoes: bridge?.echoes ?? 0,
        ignored: bridge?.ignored ?? 0,
        refused: bridge?.refused ?? 0,
        devicesOnline: devices.online,
      };
    },
    start(given) {
      host = given;
      const users = new StandIns(given, settings.name);
      standIns = users;
      // As they said before the server was stopped.
      for (const known of devices.byId.values()) users.changed(known);
      telling = devices.changes$.subscribe((change) => {
        const { device, online, at } = change;
        given.emit({ type: online ? 'DEVICE_ONLINE' : 'DEVICE_OFFLINE', broker: settings.name, device, at });
        users.changed(change);
      });
      bridge = new Bridge(settings, given, devices);
    },
    async stop() {
      await bridge?.end();
      telling?.unsubscribe();
      standIns?.end();
    },
  };
}
