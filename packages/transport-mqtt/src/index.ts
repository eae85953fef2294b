export type { MqttBroker } from './attached/attached.ts';
export type { Availability, DeviceAvailability } from './attached/availability.ts';
export type { BridgedTopics, BrokerLimits, MqttBrokerOptions } from './attached/options.ts';
export type { MqttLimits } from './limits.ts';
export { mqttTransport } from './mqtt-transport.ts';
export type { MqttTransport, MqttTransportOptions } from './transport.ts';
