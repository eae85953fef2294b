export type { MqttLimits } from './limits.ts';
export { type MqttTransport, type MqttTransportOptions, mqttTransport } from './transport.ts';
