import assert from 'node:assert/strict';
import type { Awaitable } from '@callboard/core';
import {
  type DeviceUnderTest,
  GatewayStage,
  type GatewayUnderTest,
  openToAll,
  textsOf,
} from './gateway-stage.ts';
import { until } from './live-clock.ts';
import type { SuiteRunner } from './stream-log-suite.ts';

const bytes = (text: string) => Buffer.from(text);

/** What every `Gateway` must do. `make` gives each test one of its own. */
export function gatewaySuite(
  name: string,
  make: () => Awaitable<GatewayUnderTest>,
  { describe, test }: SuiteRunner,
): void {
  const check = (title: string, body: (stage: GatewayStage) => Promise<void>) =>
    test(title, async () => {
      const stage = new GatewayStage(await make());
      try {
        await body(stage);
      } finally {
        await stage.end();
      }
    });
  const heard = (device: DeviceUnderTest, count: number) =>
    until(() => device.received.length >= count, `${count} publications`);

  describe(`${name} is a gateway`, () => {
    check('a device is a client of its user, until it leaves or dies', async (stage) => {
      const server = await stage.serve();
      for (const end of ['leave', 'cut'] as const) {
        const device = await stage.connect('ada');
        const [client] = server.users.get('ada')?.clients ?? [];
        assert.equal(client?.transport, stage.gateway.name);
        assert.equal(client?.device, 'of ada');
        assert.equal(client?.online, true);
        await device[end]();
        await until(() => !server.users.has('ada'), 'its end');
      }
    });

    check('asks the verifier', async (stage) => {
      const server = await stage.serve({
        host: '127.0.0.1',
        verifyClient: ({ token }) => token === 'right' && { claims: { admin: true } },
      });
      await assert.rejects(stage.connect('ada', { token: 'wrong' }));
      await stage.connect('ada', { token: 'right' });
      const [client] = server.users.get('ada')?.clients ?? [];
      assert.deepEqual(client?.claims, { admin: true });
      assert.equal(server.stats().clients.online, 1);
    });

    check('carries bytes between devices as they are, and data to everybody else', async (stage) => {
      const server = await stage.serve({
        channels: { 'raw/#': { ...openToAll, payload: 'raw' }, 'json/#': { ...openToAll, payload: 'json' } },
      });
      const [reader, writer] = [await stage.connect('reader'), await stage.connect('writer')];
      const seen: unknown[] = [];
      server.channel('json/a').publications$.subscribe(({ data, from }) => seen.push([data, from?.userId]));
      for (const filter of ['raw/a', 'json/+']) assert.equal(await reader.subscribe(filter), true);
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      await writer.publish('raw/a', all);
      await writer.publish('json/a', bytes('{ "a": 1.50 }'));
      await writer.publish('json/a', bytes('no JSON'));
      await server.publish('json/b', { b: 2 });
      await heard(reader, 4);
      assert.deepEqual(Buffer.from(reader.received[0]?.payload ?? []), Buffer.from(all));
      assert.deepEqual(textsOf(reader).slice(1), [
        'json/a { "a": 1.50 }',
        'json/a no JSON',
        'json/b {"b":2}',
      ]);
      assert.deepEqual(seen, [[{ a: 1.5 }, 'writer']]);
    });

    check('lets a device read and publish what policies let it, and no longer', async (stage) => {
      let allowed = true;
      const server = await stage.serve({
        channels: {
          'mine/#': { ...openToAll, canSubscribe: () => allowed },
          'read/only': { canSubscribe: () => true },
        },
      });
      const device = await stage.connect('ada');
      assert.equal(await device.subscribe('mine/+'), true);
      assert.equal(await device.subscribe('read/only'), true);
      assert.equal(await device.subscribe('other'), false);
      assert.equal(await device.subscribe('#'), true);
      await device.publish('read/only', bytes('forbidden'));
      await device.publish('other', bytes('forbidden'));
      assert.equal(server.stats().publications.published, 0);
      allowed = false;
      await server.recheckRights('ada');
      await server.publish('mine/1', 'secret');
      await server.publish('read/only', 'open');
      await heard(device, 1);
      assert.deepEqual(textsOf(device), ['read/only open']);
    });

    check('delivers in order, and no more when it has unsubscribed', async (stage) => {
      const server = await stage.serve();
      const device = await stage.connect('ada');
      await device.subscribe('a/+');
      const sent = Array.from({ length: 100 }, (_, i) => `a/${i % 3} ${i}`);
      for (const each of sent) await server.publish(each.slice(0, 3), Number(each.slice(4)));
      await heard(device, 100);
      assert.deepEqual(textsOf(device), sent);
      await device.unsubscribe('a/+');
      await server.publish('a/1', 'late');
      await stage.settled();
      assert.equal(device.received.length, 100);
    });

    check('gives last values to who subscribes', async (stage) => {
      const server = await stage.serve({ channels: { '#': { ...openToAll, retain: true } } });
      for (const each of ['a/1', 'a/2', 'b']) await server.publish(each, 'last');
      const device = await stage.connect('ada');
      await device.subscribe('a/#');
      await heard(device, 2);
      await stage.settled();
      assert.deepEqual(textsOf(device).sort(), ['a/1 last', 'a/2 last']);
    });

    check('keeps a session that is to be kept, and gives what came meanwhile', async (stage) => {
      const server = await stage.serve();
      const before = await stage.connect('ada', { keep: true });
      await before.subscribe('a');
      before.cut();
      await until(() => server.stats().clients.resumable === 1, 'its loss');
      for (const each of ['1', '2', '3']) await server.publish('a', each);
      const after = await stage.connect('ada', { keep: true });
      await heard(after, 3);
      assert.deepEqual(textsOf(after), ['a 1', 'a 2', 'a 3']);
      assert.equal(server.stats().connections.resumed, 1);
    });

    check('is taken over by the same user, and by nobody else', async (stage) => {
      const server = await stage.serve();
      const before = await stage.connect('ada', { keep: true });
      await assert.rejects(stage.connect('eve', { device: 'of ada', keep: true }));
      assert.equal(before.closed, false);
      await stage.connect('ada', { keep: true });
      await until(() => before.closed, 'the end of the one before');
      assert.equal(server.stats().clients.online, 1);
    });

    check('acknowledges what the stream has', async (stage) => {
      let allow = (_: boolean) => {};
      const canPublish = () =>
        new Promise<boolean>((resolve) => {
          allow = resolve;
        });
      const server = await stage.serve({ channels: { a: { ...openToAll, canPublish } } });
      const device = await stage.connect('ada');
      let acknowledged = false;
      const published = (async () => {
        await device.publish('a', bytes('x'));
        acknowledged = true;
      })();
      await stage.settled();
      assert.equal(acknowledged, false);
      allow(true);
      await published;
      assert.equal(server.stats().publications.published, 1);
    });

    check('ends a device that reads nothing, while others read on', async (stage) => {
      const server = await stage.serve({ limits: { maxOutboxBytes: 200_000 } });
      const [frozen, reader] = [await stage.connect('frozen', { keep: true }), await stage.connect('reader')];
      if (frozen.freeze === undefined) return;
      for (const device of [frozen, reader]) await device.subscribe('a');
      frozen.freeze();
      for (let sent = 1; server.stats().clients.online === 2; sent++) {
        assert.ok(sent < 1_000, 'more than 100 MB wait for it');
        await server.publish('a', 'x'.repeat(100_000));
        await heard(reader, sent);
      }
      assert.equal(reader.closed, false);
      frozen.thaw?.();
    });

    check('ends all devices when it stops, and takes others when it starts again', async (stage) => {
      const server = await stage.serve();
      const before = await stage.connect('ada');
      await stage.stop();
      await until(() => before.closed, 'its end');
      await server.start();
      const after = await stage.connect('ada');
      await after.subscribe('a');
      await server.publish('a', 'again');
      await heard(after, 1);
    });
  });
}
