import { inspect } from 'node:util';
import { createServer } from '@callboard/core';
import { mqttTransport } from '@callboard/transport-mqtt';
import { afterAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { examplesIn, read, run, until } from './run-example.mjs';

const root = new URL('../', import.meta.url);
const examples = examplesIn('README.md');

/** What an example claims to print, in its last comment. */
const saidIn = (code) => code.trimEnd().split('\n').at(-1).replace('// ', '').split(', ');

/** As `console.log` shows it. */
const inWords = (value) => (typeof value === 'object' ? inspect(value) : String(value));

describe('the READMEs', () => {
  const log = jest.spyOn(console, 'log').mockImplementation(() => {});
  beforeEach(() => log.mockClear());
  afterAll(() => log.mockRestore());

  test('a server and its clients', async () => {
    expect(examples[0].split('\n').length).toBeLessThanOrEqual(27);
    const [server, ...clients] = await run(examples[0], 'clients.mjs', '[server, tab, otherTab, friend]');
    try {
      await until(() => log.mock.calls.length >= 3);
      expect(log).toHaveBeenCalledWith('my other tab has', ['7-9']);
      expect(log).toHaveBeenCalledWith('44', 'says', 'Hey dude!');
      expect(log).toHaveBeenCalledWith({ row: 7, for: '44', free: [1, 2, 9] });
    } finally {
      await Promise.all(clients.map((client) => client.close()));
      await server.disconnect();
    }
  });

  test('a channel, its last value and what comes', async () => {
    const [server, viewer] = await run(examples[1], 'channels.mjs', '[server, viewer]');
    try {
      await until(() => log.mock.calls.length >= 2);
      expect(log.mock.calls).toEqual([
        ['it was', { stock: 41 }],
        ['it is', { stock: 40 }],
      ]);
    } finally {
      await viewer.close();
      await server.disconnect();
    }
  });

  test('a gap, and what to do about it', async () => {
    const [gap, outcomes, ...others] = examplesIn('docs/delivery.md');
    expect(others).toEqual([]);
    const [server, client] = await run(gap, 'gap.mjs', '[server, client]');
    try {
      await until(() => log.mock.calls.length >= 3);
      // The answer of the handler comes when it comes.
      expect(log.mock.calls.map((call) => call.join(' ')).sort()).toEqual(saidIn(gap).sort());
      log.mockClear();
      const [other, publisher] = await run(outcomes, 'outcomes.mjs', '[server, client]');
      expect(log.mock.calls.map(([said]) => said.outcome)).toEqual(['published', 'repeated', 'stale']);
      await publisher.close();
      await other.disconnect();
    } finally {
      await client.close();
      await server.disconnect();
    }
  });

  test('the plugin is on the server', async () => {
    const server = await run(examples[2], 'plugin.mjs', 'server');
    expect(server.applause.times()).toBe(0);
    expect(log).toHaveBeenCalledWith(0, { applause: { times: 0 } });
  });

  test('the examples of core run', async () => {
    const [example, contract, ...others] = examplesIn('packages/core/README.md');
    expect(others).toEqual([]);
    const stopped = await run(example, 'core.mjs', 'server');
    expect(stopped.stats().status).toBe('stopped');
    log.mockClear();
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
    const [server, client] = await run(contract, 'contract.mjs', '[server, client]');
    try {
      await until(() => log.mock.calls.length >= 2);
      expect(log.mock.calls.flat()).toEqual(saidIn(contract));
      expect(await client.sendToServer({ type: 'MEMBERS', room: 'lobby' })).toEqual([]);
    } finally {
      await client.close();
      await server.disconnect();
      warn.mockRestore();
    }
  });

  test('the examples of client run', async () => {
    const [retry, plugin, ...others] = examplesIn('packages/client/README.md');
    expect(others).toEqual([]);
    const [server, client] = await run(retry, 'retry.mjs', '[server, client]');
    expect(log).toHaveBeenCalledWith('CONNECTION_LOST', '7-9');
    expect(log).toHaveBeenCalledWith({ taken: 1 });
    for (const status of ['ONLINE', 'OFFLINE']) expect(log).toHaveBeenCalledWith('status', status);
    await client.close();
    await server.disconnect();
    const whispering = await run(plugin, 'whisper.mjs', 'client');
    expect(log).toHaveBeenCalledWith(0);
    await whispering.close();
  });

  test('the examples of transport-mqtt run', async () => {
    const [reading, policy, call, ...others] = examplesIn('packages/transport-mqtt/README.md');
    expect(others).toEqual([]);
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
    await run(reading, 'reading.mjs', 'server');
    expect(await run(policy, 'policy.mjs', 'policy')).toMatchObject({ filters: true });
    await run(call, 'call.mjs', 'server');
    expect(log.mock.calls.filter(([said]) => said?.celsius ?? said?.startsWith('{'))).toEqual([
      [{ celsius: 21.5 }],
      ['{"id":7,"result":42}', 4],
    ]);
    warn.mockRestore();
  });

  test('devices meet browsers', async () => {
    const [tasmota, espHome, homeAssistant, ...behindBroker] = examplesIn('docs/mqtt.md');
    const lines = () => log.mock.calls.map((call) => call.join(' '));
    const all = async (example, file, names) => {
      log.mockClear();
      const [server, device, page] = await run(example, file, names);
      try {
        await until(() => saidIn(example).every((line) => lines().includes(line)));
      } finally {
        await device.endAsync(true);
        await page?.close();
        await server.disconnect();
      }
    };
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
    await all(tasmota, 'tasmota.mjs', '[server, plug, page]');
    await all(espHome, 'esphome.mjs', '[server, kitchen]');
    await all(homeAssistant, 'home-assistant.mjs', '[server, meter]');
    // A broker is any: here another server of Callboard's.
    const devices = mqttTransport({ port: 0 });
    const policy = { canPublish: () => true, canSubscribe: () => true, filters: true, retain: 'marked' };
    const broker = createServer({ transports: [devices], channels: { '#': policy } });
    await broker.start();
    const joining = behindBroker.map((each) =>
      each.replaceAll('localhost:1883', `127.0.0.1:${devices.port}`),
    );
    const names = ['plug', 'bedroom', 'home'];
    expect(joining).toHaveLength(names.length);
    for (const [i, name] of names.entries()) await all(joining[i], `broker-${name}.mjs`, `[server, ${name}]`);
    await broker.disconnect();
    warn.mockRestore();
  });

  test('a REST API goes live', async () => {
    const [guide, ...others] = examplesIn('docs/refetch.md');
    expect(others).toEqual([]);
    const [server, client, api] = await run(guide, 'refetch.mjs', '[server, client, api]');
    try {
      await until(() => log.mock.calls.length >= 2);
      expect(log.mock.calls.map((call) => call.join(' '))).toEqual(saidIn(guide));
      const [example, ...more] = examplesIn('packages/plugin-refetch/README.md');
      expect(more).toEqual([]);
      log.mockClear();
      process.env.API = `http://127.0.0.1:${api.address().port}`;
      const [other, watcher] = await run(example, 'refetching.mjs', '[server, client]');
      await until(() => log.mock.calls.length >= 3);
      expect(log.mock.calls).toEqual([['opening'], ['live'], ['first', 200, { name: 'Eve', views: 0 }]]);
      await watcher.close();
      await other.disconnect();
    } finally {
      await client.close();
      await server.disconnect();
      api.closeAllConnections();
      api.close();
    }
  });

  test('the example of plugin-notify runs', async () => {
    const [code, ...others] = examplesIn('packages/plugin-notify/README.md');
    expect(others).toEqual([]);
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
    const [server, client] = await run(code, 'notify.mjs', '[server, client]');
    try {
      await until(() => log.mock.calls.length >= 3);
      expect(log.mock.calls.slice(0, 3)).toEqual([
        [0, 'unread'],
        [1, 'unread'],
        ['alert:', 'Hamlet'],
      ]);
      // What was moved is void.
      await until(() => log.mock.calls.length >= 4);
      expect(log.mock.calls[3]).toEqual([0, 'unread']);
      const { notices } = await server.notify.history('event/7');
      expect(notices.filter(({ state }) => state === 'waiting')).toHaveLength(2);
    } finally {
      await client.close();
      await server.disconnect();
      warn.mockRestore();
    }
  });

  test('the examples of presence run', async () => {
    const [own, ...more] = examplesIn('packages/plugin-presence/README.md');
    const [watching, inChannel, ...others] = examplesIn('docs/presence.md');
    expect([more, others]).toEqual([[], []]);
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
    const lines = () => log.mock.calls.map((call) => call.map(inWords).join(' ').trim());
    const says = async (code, file, last) => {
      log.mockClear();
      const [server, ...clients] = await run(code, file, '[server, ada, grace]');
      try {
        await until(() => lines().at(-1) === last);
      } finally {
        await Promise.all(clients.map((client) => client.close()));
        await server.disconnect();
      }
    };
    await says(own, 'presence.mjs', 'ada is ONLINE (not to be disturbed)');
    for (const [example, file] of [
      [watching, 'watching.mjs'],
      [inChannel, 'in-channel.mjs'],
    ]) {
      await says(example, file, saidIn(example).at(-1));
      expect(lines()).toEqual(saidIn(example));
    }
    warn.mockRestore();
  });

  test('notifications: several nodes, a webhook, a device', async () => {
    const [several, webhook, device, ...others] = examplesIn('docs/notifications.md');
    expect(others).toEqual([]);
    const lines = () => log.mock.calls.map((call) => call.join(' '));
    const silent = ['warn', 'error'].map((level) => jest.spyOn(console, level).mockImplementation(() => {}));
    const [nodes, clients] = await run(several, 'several-nodes.mjs', '[nodes, clients]');
    try {
      await until(() => lines().length >= 3);
      expect(lines().sort()).toEqual([
        'and there is: Doors open',
        'and there is: Doors open',
        ...saidIn(several),
      ]);
    } finally {
      for (const each of clients) await each.close();
      for (const each of nodes) await each.disconnect();
    }
    log.mockClear();
    const [server, hooks, done] = await run(webhook, 'webhook.mjs', '[server, hooks, done]');
    try {
      await until(() => lines().length >= 2);
      expect([lines(), done.size]).toEqual([saidIn(webhook), 2]);
    } finally {
      await server.disconnect();
      hooks.close();
    }
    log.mockClear();
    const [board, display] = await run(device, 'display.mjs', '[server, display]');
    try {
      await until(() => lines().length >= 2);
      expect(lines()).toEqual(saidIn(device));
    } finally {
      await display.endAsync(true);
      await board.disconnect();
      for (const each of silent) each.mockRestore();
    }
  }, 20_000);

  describe.each(['transport-http', 'transport-ws'])('that of %s', (name) => {
    const file = `packages/${name}/test/example.ts`;

    test('shows test/example.ts', () => {
      const [shown] = examplesIn(`packages/${name}/README.md`);
      expect(shown).toBe(read(file).replace("'../src/index.ts'", `'@callboard/${name}'`));
    });

    test('does what it says', async () => {
      await import(new URL(file, root).pathname);
      const [, said] = /console\.log\(.*\); \/\/ (.*)/.exec(read(file)) ?? [];
      expect(log.mock.calls).toEqual([[said]]);
    });
  });

  test('every example is run', () => {
    expect(examples).toHaveLength(3);
  });
});
