export type { MqttLimits } from './limits.ts';
export { memorySessionStore } from './memory-store.ts';
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
