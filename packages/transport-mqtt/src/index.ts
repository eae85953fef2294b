export type { MqttLimits } from './limits.ts';
export type {
  ConnectionProperties,
  DevicePayload,
  DeviceRequestOptions,
  RemoteDevice,
} from './remote-device.ts';
export { type MqttTransport, type MqttTransportOptions, mqttTransport } from './transport.ts';
