import { definePlugin } from '@callboard/core';
import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import type { Command } from './command.ts';
import { type CommandLimits, Commands, type Mapping } from './commands.ts';

const json = (command: object) => JSON.stringify({ v: 1, ...command });

/** Stands for the plugin refetch, by the name that it has. */
function bumped() {
  const bumps: unknown[][] = [];
  const waiting: (() => void)[] = [];
  const refetch = definePlugin({
    name: 'refetch',
    setup: () => ({
      async bump(paths: string, options: object) {
        if (paths === '/broken') throw new Error('no upstream');
        if (paths === '/slow') await new Promise<void>((resolve) => waiting.push(resolve));
        bumps.push([paths, options]);
      },
    }),
  });
  return { bumps, waiting, refetch };
}

async function stage(limits: Partial<CommandLimits> = {}, withRefetch = true) {
  const { bumps, waiting, refetch } = bumped();
  let commands: Commands | undefined;
  const ingress = definePlugin({
    name: 'ingress',
    setup({ server, clock, logger }) {
      commands = new Commands(server, clock, logger, { maxMessageBytes: 1_000, maxRunning: 10, ...limits });
    },
  });
  const harness = await createHarness({
    channels: { 'product/+': { canSubscribe: () => true } },
    plugins: withRefetch ? [refetch, ingress] : [ingress],
  });
  const receive = async (message: string, channel = 'callboard', mapping?: Mapping) => {
    commands?.receive(message, channel, mapping);
    await harness.clock.settle();
  };
  const counts = () => {
    const { done, malformed, failed, dropped, running } = commands as Commands;
    return { done, malformed, failed, dropped, running };
  };
  const warnings = () => harness.logs.filter(({ message }) => message.includes('Redis'));
  return { ...harness, bumps, waiting, receive, counts, warnings };
}

const none = { done: 0, malformed: 0, failed: 0, dropped: 0, running: 0 };

describe('a command', () => {
  test('publishes, in the order in which they come', async () => {
    const { server, connect, receive, counts } = await stage();
    const observed: unknown[] = [];
    server.channel('product/1').publications$.subscribe(({ data }) => observed.push(data));
    const viewer = await connect(1);
    await viewer.join('product/1');
    await receive(json({ publish: 'product/1', data: { stock: 41 }, meta: { till: 3 } }));
    await receive(json({ publish: 'product/1', data: { b64: 'AAE=' } }));
    await receive(json({ publish: 'product/2', data: 'to nobody' }));
    await viewer.expectPublication({ channel: 'product/1', data: { stock: 41 }, meta: { till: 3 } });
    await viewer.expectPublication({ data: { b64: 'AAE=' } });
    await viewer.expectNothing();
    expect(observed).toEqual([{ stock: 41 }, Uint8Array.of(0, 1)]);
    expect(counts()).toEqual({ ...none, done: 3 });
  });

  test('publishes a version or a key once', async () => {
    const { connect, receive } = await stage();
    const viewer = await connect(1);
    await viewer.join('product/1');
    for (const [data, version] of [
      ['new', 2],
      ['old', 1],
    ] as const)
      await receive(json({ publish: 'product/1', data, version }));
    for (const data of ['once', 'twice']) await receive(json({ publish: 'product/1', data, key: 'k' }));
    await viewer.expectPublication({ data: 'new' });
    await viewer.expectPublication({ data: 'once' });
    await viewer.expectNothing();
  });

  test('sends to users, and to each of their clients', async () => {
    const { connect, receive } = await stage();
    const [tab, otherTab, friend, stranger] = [
      await connect(44),
      await connect(44),
      await connect(12),
      await connect(7),
    ];
    await receive(json({ send: [44, '12', 'nobody'], action: { type: 'PAID', order: 7 } }));
    for (const each of [tab, otherTab, friend]) await each.expectMessage({ type: 'PAID', order: 7 });
    await stranger.expectNothing();
  });

  test('bumps', async () => {
    const { bumps, receive } = await stage();
    await receive(json({ bump: '/users/1' }));
    await receive(json({ bump: ['/users/*'], version: 3, delayMs: 20 }));
    expect(bumps).toEqual([
      ['/users/1', {}],
      [['/users/*'], { version: 3, delayMs: 20 }],
    ]);
  });

  test('that fails is counted, and the next is carried out', async () => {
    const { bumps, warnings, receive, counts } = await stage();
    await receive(json({ bump: '/broken' }));
    await receive(json({ bump: '/users/1' }));
    expect(bumps).toEqual([['/users/1', {}]]);
    expect(counts()).toEqual({ ...none, done: 1, failed: 1 });
    expect(warnings()).toMatchObject([
      { level: 'warn', message: 'a command from Redis failed', fields: { channel: 'callboard' } },
    ]);
  });

  test('to bump fails without the plugin that does it', async () => {
    const { receive, counts } = await stage({}, false);
    await receive(json({ bump: '/users/1' }));
    expect(counts()).toEqual({ ...none, failed: 1 });
  });

  test('is dropped where too many are being carried out', async () => {
    const { clock, bumps, waiting, receive, counts } = await stage({ maxRunning: 2 });
    for (let i = 0; i < 3; i++) await receive(json({ bump: '/slow' }));
    expect(counts()).toEqual({ ...none, dropped: 1, running: 2 });
    for (const end of waiting) end();
    await clock.settle();
    await receive(json({ bump: '/users/1' }));
    expect([bumps.length, counts()]).toEqual([3, { ...none, done: 3, dropped: 1 }]);
  });
});

describe('what is no command', () => {
  test('is counted and ignored, and the log is not flooded', async () => {
    const { clock, warnings, receive, counts } = await stage();
    for (let i = 0; i < 1_000; i++) await receive('{"v":1,"password":"hunter2"');
    await receive(json({ publish: 'product/1', data: 'é'.repeat(500) }));
    expect(counts()).toEqual({ ...none, malformed: 1_001 });
    const message = 'a message on Redis is no command';
    expect(warnings()).toEqual([
      { level: 'warn', message, fields: { channel: 'callboard', reason: 'it is no JSON' } },
    ]);
    await clock.advanceAsync(10_000);
    await receive('');
    expect(warnings().slice(1)).toEqual([
      { level: 'warn', message, fields: { channel: 'callboard', reason: 'it is no JSON', untold: 1_000 } },
    ]);
  });
});

describe('a mapping', () => {
  const inventory: Mapping = (message) => {
    const { productId, newInventory } = JSON.parse(message);
    return { publish: `product/${productId}`, data: { stock: newInventory } };
  };

  test('makes commands of what others say: none, one or more', async () => {
    const { connect, bumps, receive, counts } = await stage();
    const viewer = await connect(1);
    await viewer.join('product/7');
    await receive('{"productId":7,"newInventory":41}', 'inventory-updates', inventory);
    await viewer.expectPublication({ channel: 'product/7', data: { stock: 41 } });
    await receive('whatever', 'x', () => undefined);
    await receive('1 2', 'ids', (text, channel) =>
      text.split(' ').map((id) => ({ bump: `/${channel}/${id}` })),
    );
    expect(bumps.map(([path]) => path)).toEqual(['/ids/1', '/ids/2']);
    expect(counts()).toEqual({ ...none, done: 3 });
  });

  test('that throws, or makes what is no command, has found nothing', async () => {
    const { warnings, receive, counts } = await stage();
    await receive('{"productId":7', 'inventory-updates', inventory);
    await receive('{"productId":"#","newInventory":1}', 'inventory-updates', inventory);
    await receive('', 'x', () => [{ bump: '/a' }, {} as Command]);
    expect(counts()).toEqual({ ...none, malformed: 3 });
    expect(warnings()).toMatchObject([{ fields: { reason: 'the mapping threw' } }]);
  });
});
