import { attached, type MqttBroker } from './attached/attached.ts';
import type { MqttBrokerOptions } from './attached/options.ts';
import { mqttTransport as embedded, type MqttTransport, type MqttTransportOptions } from './transport.ts';

/** Devices over MQTT, straight to this server. @throws RangeError where a limit is none. */
export function mqttTransport(options?: MqttTransportOptions): MqttTransport;
/** The devices of a broker, which this server joins. @throws TypeError, RangeError where an option is none. */
export function mqttTransport(options: MqttBrokerOptions): MqttBroker;
export function mqttTransport(
  options: MqttTransportOptions | MqttBrokerOptions = {},
): MqttTransport | MqttBroker {
  return 'broker' in options ? attached(options) : embedded(options);
}
