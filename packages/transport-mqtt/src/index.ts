export type { MqttBroker } from './attached/attached.ts';
export type { Availability, DeviceAvailability } from './attached/availability.ts';
export type { BridgedTopics, BrokerLimits, MqttBrokerOptions } from './attached/options.ts';
export type { MqttLimits } from './limits.ts';
export { type MqttTransport, type MqttTransportOptions, mqttTransport } from './transport.ts';
