import { spawnSync } from 'node:child_process';
import { createClient } from '@callboard/client';
import { silentLogger } from '@callboard/core';
import { until } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import mqtt from 'mqtt';
import { Mosquitto, mosquittoIsHere } from '../test/mosquitto.ts';
import { createDemo } from './demo.ts';

/** The demo with the house's devices at a broker of their own: Debian's Mosquitto. */

const here = mosquittoIsHere && spawnSync('mosquitto_pub', ['--help']).error === undefined;
const required = process.env.CALLBOARD_REQUIRE_SERVICES === '1';
if (!here && !required) process.stderr.write('Skipped: no mosquitto and mosquitto_pub here.\n');
const withMosquitto = here || required ? describe : describe.skip;

withMosquitto('devices of a broker', () => {
  test('move the charts, and light up as they are told, once it is there', async () => {
    const broker = await Mosquitto.onFreePort();
    const demo = await createDemo({ port: 0, broker: broker.url, passwordWork: 16, logger: silentLogger });
    const port = await demo.start();
    const token = await demo.passes.issue('orla');
    const endPoint = `ws://127.0.0.1:${port}`;
    const orla = createClient({ endPoint, userId: 'orla', token, logger: silentLogger });
    try {
      const heard: unknown[] = [];
      for (const filter of ['sensors/+/+', 'lights/+']) {
        const channel = orla.channel(filter);
        channel.subscribe(({ channel: from, data }) => void heard.push([from, data]));
        await channel.joined();
      }
      await broker.start();
      const joined = () => demo.server.stats().gateways['mqtt-broker']?.connected === 1;
      await until(joined, 'the broker', 20_000);

      // Once the subscription is there; what comes before is kept by the broker.
      const said = ['-r', '-t', 'sensors/spare/temperature', '-m', '21.5'];
      expect(spawnSync('mosquitto_pub', ['-p', `${broker.port}`, ...said]).status).toBe(0);
      await until(() => heard.length === 1, 'the reading');
      expect(heard).toEqual([['sensors/spare/temperature', { value: 21.5, at: expect.any(Number) }]]);

      const board = await mqtt.connectAsync(broker.url, { clientId: 'board' });
      const told: string[] = [];
      board.on('message', (topic, payload) => told.push(`${topic} ${payload}`));
      await board.subscribeAsync('lights/+/set', { qos: 1 });
      await orla.channel('lights/limelight/set').publish('on');
      await until(() => told.length === 1, 'the command');
      expect(told).toEqual(['lights/limelight/set on']);
      await board.publishAsync('lights/limelight', 'on', { qos: 1, retain: true });
      await until(() => heard.length === 2, 'the light');
      expect(heard[1]).toEqual(['lights/limelight', 'on']);
      await board.endAsync(true);
    } finally {
      await orla.close();
      await demo.stop({ graceMs: 100 });
      await broker.end();
    }
  });
});
