import { jsonCodec } from '@callboard/protocol';
import {
  collectingLogger,
  createHarness,
  memoryTransport,
  SimulatedClock,
  TestClient,
} from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { container as root } from '../test/container.ts';
import { withLog } from '../test/logs.ts';
import { createServer, createToken, provide, tokens } from './index.ts';

const logger = collectingLogger();

describe('what a server stands on', () => {
  test('is each server’s own by default', async () => {
    const [one, two] = [await createHarness(), await createHarness()];
    await one.connect(1);
    await one.server.sendToUser(1, { type: 'A' });
    expect([one.server.users.size, two.server.users.size]).toEqual([1, 0]);
    const other = await two.connect(1);
    await other.expectNothing();
  });

  test('is what the application provides: clock, logger, stream log, codec, verifier', async () => {
    const { memory, options } = withLog('at once');
    const encoded: string[] = [];
    const codec = {
      ...jsonCodec,
      encode: (frame: Parameters<typeof jsonCodec.encode>[0]) => {
        encoded.push(frame.op);
        return jsonCodec.encode(frame);
      },
    };
    const own = collectingLogger();
    const transport = memoryTransport();
    const server = createServer({
      transports: [transport],
      provide: [
        ...options.provide,
        provide(tokens.clock, options.clock),
        provide(tokens.logger, own),
        provide(tokens.codec, codec),
        provide(tokens.verifier, ({ token }) => token === 'good'),
      ],
    });
    await server.start();
    const settle = () => options.clock.settle();
    const make = (token: string) => new TestClient(() => transport.connect(), { userId: 1, token, settle });
    const bad = make('bad');
    await bad.dial();
    await bad.expectClose('UNAUTHORIZED');
    const good = make('good');
    const { streams } = await good.connect();
    expect(memory.position('$inbox/1')).toEqual({ epoch: streams.$inbox?.epoch, offset: 0 });
    expect(encoded).toEqual(['disconnect', 'connected']);
    await options.clock.advanceAsync(25_000);
    expect(encoded).toContain('ping');
    expect(own.logs.map(({ message }) => message)).toContain('the server runs');
  });

  test('is found in the application’s own tsyringe container', async () => {
    const container = root.createChildContainer();
    const clock = new SimulatedClock();
    container.register(tokens.clock, { useValue: clock });
    container.register(tokens.logger, { useValue: logger });
    container.register(tokens.verifier, { useValue: () => false });
    const transport = memoryTransport();
    const server = createServer({ transports: [transport], container });
    await server.start();
    const tab = new TestClient(() => transport.connect(), { userId: 1, settle: () => clock.settle() });
    await tab.dial();
    await tab.expectClose('UNAUTHORIZED');
    expect(container.isRegistered(tokens.codec)).toBe(false);
    expect(root.isRegistered(tokens.clock, true)).toBe(false);
  });

  test('takes a stream log that the clock of the same server drives', async () => {
    const { clock, connect } = await createHarness();
    const tab = await connect(1);
    tab.broadcast({ type: 'A' });
    expect(clock.pendingTimers).toBeGreaterThan(1);
  });

  test('says which token nobody provides', () => {
    const token = createToken<string>('example.missing');
    const plugin = {
      name: 'asks',
      setup: ({ inject }: { inject: (token: symbol) => unknown }) => inject(token),
    };
    expect(() => createServer({ transports: [], plugins: [plugin as never] })).toThrow('example.missing');
  });

  test('without a verifier is this machine alone', () => {
    expect(() => createServer({ transports: [], host: '0.0.0.0', port: 0 })).toThrow(
      'listens on loopback only',
    );
    for (const host of ['127.0.0.1', 'localhost', '::1']) createServer({ transports: [], host, port: 0 });
    createServer({ transports: [], host: '0.0.0.0', port: 0, verifyClient: () => true });
  });
});
