export type { MqttBroker } from './attached/attached.ts';
export type { Availability, DeviceAvailability } from './attached/availability.ts';
export type { BridgedTopics, BrokerLimits, MqttBrokerOptions } from './attached/options.ts';
