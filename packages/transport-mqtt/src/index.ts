export type { MqttBroker } from './attached/attached.ts';
export type { Availability, DeviceAvailability } from './attached/availability.ts';
export type { BridgedTopics, BrokerLimits, MqttBrokerOptions } from './attached/options.ts';
export type { MqttLimits } from './limits.ts';
export { memorySessionStore } from './memory-store.ts';
export type {
  ConnectionProperties,
  DevicePayload,
  DeviceRequestOptions,
  RemoteDevice,
} from './remote-device.ts';
export type {
  MqttSessionStore,
  SessionRecord,
  StoredMessage,
  StoredSession,
  StoredWaiting,
  SubscriptionRecord,
  Waiting,
  WillRecord,
} from './store.ts';
export { type MqttTransport, type MqttTransportOptions, mqttTransport } from './transport.ts';
