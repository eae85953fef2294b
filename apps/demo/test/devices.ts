import { setImmediate } from 'node:timers/promises';
import { expect } from '@jest/globals';
import mqtt, { type MqttClient } from 'mqtt';
import type { Demo } from '../src/demo.ts';
import { lights } from '../src/shared/devices.ts';

/** Devices by MQTT.js, which have never heard of Callboard. */
export class Devices {
  readonly #all: MqttClient[] = [];

  /** @throws what refused it. */
  async connect(demo: Demo, userName: string, token?: string): Promise<MqttClient> {
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${demo.mqttPort}`, {
      protocolVersion: 4,
      username: userName,
      password: token ?? (await demo.passes.issue(userName)),
      reconnectPeriod: 0,
    });
    this.#all.push(device);
    return device;
  }

  /** A lighting board that does as it is told once `obey` is called. */
  async board(demo: Demo) {
    const board = await this.connect(demo, 'board');
    const told: string[] = [];
    board.on('message', (topic, payload) => void told.push(`${topic} ${payload}`));
    await board.subscribeAsync('lights/+/set', { qos: 1 });
    const say = (light: string, to: string) =>
      board.publishAsync(`lights/${light}`, to, { qos: 1, retain: true });
    for (const { id } of lights) await say(id, 'off');
    return {
      told,
      /** Waits for a command, if none has come yet, and answers the first. */
      async obey(): Promise<void> {
        while (told.length === 0) await setImmediate();
        const [topic = '', to = ''] = told.shift()?.split(' ') ?? [];
        expect(topic).toMatch(/^lights\/[a-z]+\/set$/);
        await say(topic.split('/')[1] as string, to);
      },
      die: () => board.endAsync(true),
    };
  }

  end(): Promise<unknown> {
    return Promise.all(this.#all.map((device) => device.endAsync(true)));
  }
}
