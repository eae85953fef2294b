import assert from 'node:assert/strict';
import type { Awaitable } from '@callboard/core';
import type { SuiteRunner } from './stream-log-suite.ts';
import { limits, Stage, type TransportUnderTest } from './transport-stage.ts';

/** What every `Transport` must do. `make` gives each test one of its own. */
export function transportSuite(
  name: string,
  make: () => Awaitable<TransportUnderTest>,
  { describe, test }: SuiteRunner,
): void {
  const check = (title: string, body: (stage: Stage) => Promise<void>) =>
    test(title, async () => {
      const stage = new Stage(await make());
      await stage.start();
      try {
        await body(stage);
      } finally {
        await stage.stop();
      }
    });

  describe(`${name} is a transport`, () => {
    check('says its name and where a connection comes from', async (stage) => {
      const { server } = await stage.pair();
      assert.equal(server.peer.transport, stage.transport.name);
      assert.ok(server.peer.address.length > 0);
    });

    check('carries frames both ways, whole and in order', async (stage) => {
      const { server, client } = await stage.pair();
      const sent = Array.from({ length: 200 }, (_, i) => `{"n":${i},"text":"${'ä€😀'.repeat(i)}"}`);
      for (const text of sent) client.wire.send(text);
      for (const text of sent) server.write(text);
      await stage.until(() => server.received.length >= 200 && client.received.length >= 200, 'all frames');
      assert.deepEqual(server.received, sent);
      assert.deepEqual(client.received, sent);
      assert.deepEqual(
        server.sizes,
        sent.map((text) => Buffer.byteLength(text)),
      );
    });

    check('takes several frames in one write', async (stage) => {
      const { server, client } = await stage.pair();
      const frames = ['{"n":1}', '{"n":2}', `{"n":"${'x'.repeat(70_000)}"}`, '{"n":4}'];
      const { framing } = server.connection;
      server.connection.write(Buffer.concat(frames.map((text) => framing.frame(text))));
      await stage.until(() => client.received.length >= 4, 'four frames');
      assert.deepEqual(client.received, frames);
    });

    check('leaves the bytes that it is given alone, so that many connections share them', async (stage) => {
      const [one, two] = [await stage.pair(), await stage.pair()];
      assert.equal(one.server.connection.framing, two.server.connection.framing);
      const bytes = one.server.connection.framing.frame('{"shared":true}');
      const before = Buffer.from(bytes);
      for (const { server } of [one, two, one]) server.connection.write(bytes);
      await stage.until(() => one.client.received.length >= 2 && two.client.received.length >= 1, 'three');
      assert.deepEqual(Buffer.from(bytes), before);
      assert.deepEqual(one.client.received, ['{"shared":true}', '{"shared":true}']);
    });

    check('carries a frame as large as the limit, and larger ones to the client', async (stage) => {
      const { server, client } = await stage.pair();
      const largest = `"${'x'.repeat(limits.maxFrameBytes - 2)}"`;
      client.wire.send(largest);
      await stage.until(() => server.received.length >= 1, 'the frame');
      assert.equal(server.received[0]?.length, limits.maxFrameBytes);
      const larger = `"${'y'.repeat(limits.maxFrameBytes * 4)}"`;
      server.write(larger);
      await stage.until(() => client.received.length >= 1, 'the frame');
      assert.equal(client.received[0], larger);
    });

    check('brings the server’s close, with code and reason, after what was written', async (stage) => {
      const { server, client } = await stage.pair();
      server.write('{"last":true}');
      server.connection.close(3001, 'SLOW_READER — ä€');
      await stage.until(() => client.closes.length > 0 && server.closes.length > 0, 'the close');
      assert.deepEqual(client.received, ['{"last":true}']);
      assert.deepEqual(client.closes, [{ code: 3001, reason: 'SLOW_READER — ä€' }]);
      await stage.closedOnce(server, client);
    });

    check('brings the client’s close, with code and reason', async (stage) => {
      const [one, two] = [await stage.pair(), await stage.pair()];
      one.client.wire.send('{"last":true}');
      one.client.wire.close(1000, 'done');
      two.client.wire.close(4001, 'bye');
      await stage.until(() => one.server.closes.length > 0 && two.server.closes.length > 0, 'the close');
      assert.deepEqual(one.server.received, ['{"last":true}']);
      assert.deepEqual(one.server.closes, [{ code: 1000, reason: 'done' }]);
      assert.deepEqual(two.server.closes, [{ code: 4001, reason: 'bye' }]);
      await stage.closedOnce(one.server, one.client);
    });

    check('tells of a link that was lost', async (stage) => {
      const { server, client } = await stage.pair();
      client.wire.cut();
      await stage.until(() => server.closes.length > 0, 'the end');
      assert.notEqual(server.closes[0]?.code, 1000);
      await stage.closedOnce(server, client);
    });

    check('terminates without a word', async (stage) => {
      const { server, client } = await stage.pair();
      server.connection.terminate();
      await stage.until(() => client.closes.length > 0 && server.closes.length > 0, 'the end');
      assert.equal(client.closes[0]?.code, 1006);
      await stage.closedOnce(server, client);
    });

    check('terminates one that does not read, even while it is being closed', async (stage) => {
      const { server, client } = await stage.pair();
      if (client.wire.freeze === undefined) return;
      client.wire.freeze();
      server.connection.close(3001, 'SLOW_READER');
      server.connection.terminate();
      await stage.until(() => server.closes.length > 0, 'the end');
      // Over a real socket who does not read does not see the end either.
      client.wire.thaw?.();
      await stage.closedOnce(server, client);
    });

    check('bears a write, a close and a termination after the end', async (stage) => {
      const { server, client } = await stage.pair();
      client.wire.cut();
      await stage.until(() => server.closes.length > 0, 'the end');
      server.write('{"late":true}');
      server.connection.close(3000, 'late');
      server.connection.terminate();
      client.wire.send('{"late":true}');
      client.wire.close();
      await stage.closedOnce(server, client);
      assert.deepEqual([server.received, client.received], [[], []]);
    });

    check('writes nothing after a close', async (stage) => {
      const { server, client } = await stage.pair();
      server.connection.close(3000, 'SERVER_SHUTDOWN');
      server.write('{"late":true}');
      await stage.until(() => client.closes.length > 0, 'the close');
      assert.deepEqual(client.received, []);
    });

    check('says how much waits for a client that does not read', async (stage) => {
      const { server, client } = await stage.pair();
      if (client.wire.freeze === undefined) return;
      client.wire.freeze();
      await stage.turn();
      const text = `"${'x'.repeat(250_000)}"`;
      let written = 0;
      for (; server.connection.bufferedBytes === 0 && written < 400; written++) {
        server.write(text);
        await stage.turn();
      }
      const buffered = server.connection.bufferedBytes;
      assert.ok(buffered > 0, `nothing waits after ${written} writes of 250 kB`);
      server.write(text);
      await stage.turn();
      assert.ok(server.connection.bufferedBytes >= buffered + text.length, 'what waits did not grow');
      client.wire.thaw?.();
      await stage.until(() => client.received.length > written, 'all that waited');
      assert.equal(server.connection.bufferedBytes, 0);
      assert.ok(client.received.every((each) => each === text));
    });

    check('ends all connections when it stops, and accepts again when it starts again', async (stage) => {
      const pairs = [await stage.pair(), await stage.pair()];
      await stage.transport.stop();
      const ended = () =>
        pairs.every(({ server, client }) => server.closes.length > 0 && client.closes.length > 0);
      await stage.until(ended, 'the end of both');
      for (const { server, client } of pairs) await stage.closedOnce(server, client);
      await stage.start();
      const { server, client } = await stage.pair();
      client.wire.send('{"again":true}');
      await stage.until(() => server.received.length > 0, 'a frame');
    });
  });
}
