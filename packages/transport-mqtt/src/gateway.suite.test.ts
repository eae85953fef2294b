import { type DeviceIdentity, gatewaySuite } from '@callboard/testkit';
import { describe, test } from '@jest/globals';
import mqtt, { type IClientOptions } from 'mqtt';
import { mqttTransport } from './index.ts';

gatewaySuite(
  'MQTT 3.1.1',
  () => {
    const gateway = mqttTransport({ port: 0 });
    const devices: mqtt.MqttClient[] = [];
    return {
      gateway,
      async connect(identity) {
        const device = mqtt.connect(`mqtt://127.0.0.1:${gateway.port}`, optionsOf(identity));
        devices.push(device);
        // What waits for it comes at once behind the CONNACK.
        const end = deviceOf(device);
        await new Promise((resolve, reject) => device.once('connect', resolve).once('error', reject));
        return end;
      },
      close: () => {
        for (const device of devices) device.end(true);
      },
    };
  },
  { describe, test },
);

function optionsOf({ userId, token, device, keep = false }: DeviceIdentity): IClientOptions {
  return {
    protocolVersion: 4,
    clientId: device,
    username: userId,
    clean: !keep,
    keepalive: 0,
    reconnectPeriod: 0,
    ...(token !== undefined && { password: token }),
  };
}

function deviceOf(device: mqtt.MqttClient) {
  const received: { channel: string; payload: Uint8Array }[] = [];
  let closed = false;
  device.on('message', (channel, payload) => received.push({ channel, payload }));
  device.on('close', () => {
    closed = true;
  });
  device.on('error', () => {});
  return {
    received,
    get closed() {
      return closed;
    },
    async subscribe(filter: string) {
      try {
        const [granted] = await device.subscribeAsync(filter, { qos: 1 });
        return granted?.qos === 1;
      } catch {
        return false;
      }
    },
    async unsubscribe(filter: string) {
      await device.unsubscribeAsync(filter);
    },
    async publish(channel: string, payload: Uint8Array) {
      await device.publishAsync(channel, Buffer.from(payload), { qos: 1 });
    },
    cut: () => void device.stream.destroy(),
    leave: () => device.endAsync(),
    freeze: () => void device.stream.pause(),
    thaw: () => void device.stream.resume(),
  };
}
