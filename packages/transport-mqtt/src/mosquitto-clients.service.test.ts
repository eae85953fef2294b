import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { AnyAction } from '@callboard/protocol';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { open, Stage, until } from '../test/support.ts';

/** Debian's mosquitto_pub, mosquitto_sub and mosquitto_rr. */

const here = ['mosquitto_pub', 'mosquitto_sub', 'mosquitto_rr'].every(
  (name) => spawnSync(name, ['--help']).error === undefined,
);
const required = process.env.CALLBOARD_REQUIRE_SERVICES === '1';
if (!here && !required) process.stderr.write('Skipped: no mosquitto-clients here.\n');
const withMosquitto = here || required ? describe : describe.skip;

withMosquitto.each(['mqttv311', 'mqttv5'])('mosquitto’s clients by %s', (version) => {
  let stage: Stage;
  beforeEach(() => {
    if (!here)
      throw new Error('no mosquitto_pub, mosquitto_sub or mosquitto_rr here: install mosquitto-clients');
    stage = new Stage();
  });
  afterEach(() => stage.end());

  const where = () => ['-h', '127.0.0.1', '-p', `${stage.mqtt.port}`, '-V', version];

  function run(command: string, ...args: readonly string[]): { child: ChildProcess; text(): string } {
    const child = spawn(command, [...where(), ...args]);
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    stage.after(() => child.kill());
    return { child, text: () => text };
  }

  async function publish(...args: readonly string[]): Promise<unknown> {
    const [code] = await once(run('mosquitto_pub', ...args).child, 'exit');
    return code;
  }

  test('publish, and read what others publish', async () => {
    await stage.serve({ channels: { '#': { ...open, retain: true } } });
    const reader = run('mosquitto_sub', '-v', '-q', '1', '-t', 'tele/+/SENSOR');
    await until(() => stage.server.stats().clients.online === 1, 'the reader');
    const code = await publish('-q', '1', '-t', 'tele/kitchen/SENSOR', '-m', '21.5');
    await stage.server.publish('tele/hall/SENSOR', '19');
    await until(() => reader.text().split('\n').length > 2, 'both');
    expect([code, reader.text()]).toEqual([0, 'tele/kitchen/SENSOR 21.5\ntele/hall/SENSOR 19\n']);
    const late = run('mosquitto_sub', '-v', '-C', '1', '-t', 'tele/hall/#');
    await once(late.child, 'exit');
    expect(late.text()).toBe('tele/hall/SENSOR 19\n');
  });

  test('come back to a session that has waited for them', async () => {
    await stage.serve();
    const lasting = version === 'mqttv5' ? ['-x', '600'] : [];
    const session = ['-i', 'sensor-log', '-c', ...lasting, '-q', '1', '-t', 'a'];
    await once(run('mosquitto_sub', ...session, '-E').child, 'exit');
    for (const text of ['one', 'two']) await publish('-q', '1', '-t', 'a', '-m', text);
    const back = run('mosquitto_sub', ...session, '-C', '2');
    await once(back.child, 'exit');
    expect(back.text()).toBe('one\ntwo\n');
  });

  test('are told when they may not connect', async () => {
    await stage.serve({ host: '127.0.0.1', verifyClient: ({ token }) => token === 'right' });
    expect(await publish('-u', 'ada', '-P', 'right', '-t', 'a', '-m', 'x')).toBe(0);
    expect(await publish('-u', 'ada', '-P', 'wrong', '-t', 'a', '-m', 'x')).not.toBe(0);
  });

  test('publish and read with QoS 2', async () => {
    let asked = false;
    const canSubscribe = () => {
      asked = true;
      return true;
    };
    await stage.serve({ channels: { a: { ...open, canSubscribe } } });
    const reader = run('mosquitto_sub', '-q', '2', '-C', '2', '-F', '%q %p', '-t', 'a');
    const done = once(reader.child, 'exit');
    await until(() => asked, 'its subscription');
    const codes = [
      await publish('-q', '2', '-t', 'a', '-m', 'x'),
      await publish('-q', '2', '-t', 'a', '-m', 'y'),
    ];
    await done;
    expect([codes, reader.text()]).toEqual([[0, 0], '2 x\n2 y\n']);
  });

  test('pass on what MQTT 5 says beside the payload', async () => {
    if (version !== 'mqttv5') return;
    await stage.serve({ channels: { '#': { ...open, retain: 'marked' } } });
    const properties = [
      ...['-D', 'publish', 'user-property', 'unit', 'C', '-D', 'publish', 'content-type', 'text/plain'],
      ...['-D', 'publish', 'response-topic', 'answers', '-D', 'publish', 'message-expiry-interval', '60'],
    ];
    expect(await publish('-r', '-q', '1', '-t', 'a', '-m', 'x', ...properties)).toBe(0);
    const reader = run('mosquitto_sub', '-C', '1', '-F', '%p %P %C %R %E %r', '-t', '$share/g/b', '-t', 'a');
    await once(reader.child, 'exit');
    expect(reader.text()).toBe('x unit:C text/plain answers 60 1\n');
  });

  test('mosquitto_rr asks a device, and the server’s handlers', async () => {
    const SUM = ({ action }: { action: AnyAction }) => Number(action.a) + Number(action.b);
    await stage.serve({ handlers: { SUM } });
    const lamp = await stage.device({ clientId: 'lamp', protocolVersion: version === 'mqttv5' ? 5 : 4 });
    lamp.on('message', (_, payload, { properties }) => {
      const { responseTopic = 'stat/lamp', correlationData } = properties ?? {};
      const known = correlationData === undefined ? {} : { properties: { correlationData } };
      lamp.publish(responseTopic, `${payload} it is`, { qos: 1, ...known });
    });
    await lamp.subscribeAsync('cmnd/lamp', { qos: 1 });
    const ask = async (...args: readonly string[]) => {
      const asked = run('mosquitto_rr', '-q', '1', '-W', '20', ...args);
      const [code] = await once(asked.child, 'close');
      return [code, asked.text()];
    };
    expect(await ask('-t', 'cmnd/lamp', '-e', 'stat/lamp', '-m', 'ON')).toEqual([0, 'ON it is\n']);
    // Where the answer goes only MQTT 5 says.
    const action = { type: 'SUM', a: 2, b: 40 };
    const [place, message, answer] =
      version === 'mqttv5'
        ? ['answers/7', action, '{"result":42}']
        : ['$callboard/reply', { id: 7, action }, '{"id":7,"result":42}'];
    const asked = await ask('-t', '$callboard/call', '-e', place, '-m', JSON.stringify(message));
    expect(asked).toEqual([0, `${answer}\n`]);
  });
});
