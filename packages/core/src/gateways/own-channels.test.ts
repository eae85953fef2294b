import { SimulatedClock } from '@callboard/testkit';
import { afterEach, expect, test } from '@jest/globals';
import { map } from 'rxjs';
import { type SlowLog, withLog } from '../../test/logs.ts';
import {
  createServer,
  definePlugin,
  type Gateway,
  type GatewayHost,
  type OwnPublication,
  provide,
  type Server,
  type ServerOptions,
  silentLogger,
  tokens,
} from '../index.ts';

/** What the port has for gateways that join another system. */

let server: Server;
let host: GatewayHost;

async function serve(options: Partial<ServerOptions> = {}, gateway: Partial<Gateway> = {}): Promise<void> {
  const bridge: Gateway = {
    name: 'bridge',
    foreign: true,
    start(given) {
      host = given;
    },
    stop() {},
    ...gateway,
  };
  server = createServer({
    transports: [bridge],
    logger: silentLogger,
    provide: [provide(tokens.clock, new SimulatedClock())],
    ...options,
  });
  await server.start();
}
afterEach(() => server.disconnect());

const nobody = () => {};

function listening() {
  const heard: string[] = [];
  const listener = ({ channel, payload, format, atMostOnce, retain }: OwnPublication) => {
    heard.push(
      [channel, Buffer.from(payload), format, atMostOnce ? 'once' : '', retain ? 'retain' : '']
        .join(' ')
        .trim(),
    );
  };
  return { heard, listener, end: host.channels.listen(listener) };
}

test('what is published is told in bytes, by whomever and for whomever, until the listener ends', async () => {
  await serve({ channels: { 'j/#': { payload: 'json', retain: true } } });
  const { heard, end } = listening();
  await server.publish('j/a', { b: 1 });
  await server.publish('nobody', 'reads it');
  await host.channels.publish({ channel: 'j/b', payload: Buffer.from('{"b": 2}'), atMostOnce: true }, nobody);
  end();
  await server.publish('j/a', 2);
  expect(heard).toEqual([
    'j/a {"b":1} json  retain',
    'nobody reads it text',
    'j/b {"b": 2} json once retain',
  ]);
});

test('what came through a listener it is not told, others are', async () => {
  await serve();
  const [one, other] = [listening(), listening()];
  await host.channels.publish({ channel: 'a', payload: Buffer.from('x') }, one.listener);
  expect([one.heard, other.heard]).toEqual([[], ['a x text']]);
});

test('what is stale is not told, and what an operator made of it is told', async () => {
  const shout = definePlugin({
    name: 'shout',
    setup: ({ outbound }) =>
      outbound(
        map((outgoing) =>
          outgoing.kind === 'publication' ? { ...outgoing, data: `${outgoing.data}!` } : outgoing,
        ),
      ),
  });
  await serve({ plugins: [shout], channels: { a: { retain: true } } });
  const { heard } = listening();
  await server.publish('a', 'new', { version: 2 });
  await server.publish('a', 'old', { version: 1 });
  await host.channels.publish({ channel: 'a', payload: Buffer.from('bytes') }, nobody);
  expect(heard).toEqual(['a new! text  retain', 'a bytes! text  retain']);
});

test('bytes that are no data of their channel go to those alone who read bytes', async () => {
  await serve({ channels: { n: { payload: 'number', retain: true } } });
  const told: unknown[] = [];
  server.channel('n').publications$.subscribe(({ data }) => told.push(data));
  const { heard } = listening();
  for (const text of ['warm', '21.50'])
    await host.channels.publish({ channel: 'n', payload: Buffer.from(text) }, nobody);
  expect([told, heard]).toEqual([[21.5], ['n warm number  retain', 'n 21.50 number  retain']]);
  expect(server.stats().publications).toMatchObject({ published: 2, withheld: 1 });
  expect(Buffer.from(host.channels.last('n') ?? '').toString()).toBe('21.50');
});

test('policies and last values are known', async () => {
  await serve({ channels: { 'a/+': { retain: true }, 'm/+': { retain: 'marked' }, '#': {} } });
  const { channels } = host;
  expect([...channels.patterns].sort()).toEqual(['#', 'a/+', 'm/+']);
  expect(['a/b', 'm/b', 'b'].map((channel) => channels.retains(channel))).toEqual([true, 'marked', false]);
  expect(channels.last('a/b')).toBeUndefined();
  await server.publish('a/b', { json: true });
  expect(Buffer.from(channels.last('a/b') ?? '').toString()).toBe('{"json":true}');
  await channels.publish({ channel: 'a/b', payload: Buffer.from(''), forgetsLast: true }, nobody);
  expect(channels.last('a/b')).toBeUndefined();
});

test('an empty one forgets the value before it, and none that came behind it meanwhile', async () => {
  const { log, options } = withLog('later');
  await serve({ channels: { '#': { retain: true } }, provide: options.provide });
  const { channels } = host;
  const last = () => channels.last('a') && Buffer.from(channels.last('a') as Uint8Array).toString();
  const empty = () => channels.publish({ channel: 'a', payload: Buffer.alloc(0), forgetsLast: true }, nobody);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await server.publish('a', 'one');
  const go = (log as SlowLog).hold();
  const emptied = empty();
  await turn();
  const published = server.publish('a', 'two');
  await turn();
  go();
  await Promise.all([emptied, published]);
  expect(last()).toBe('two');
  await empty();
  expect(last()).toBeUndefined();
});

test('a gateway has events and numbers of its own', async () => {
  await serve({}, { events: ['LINE_LOST'], stats: () => ({ lines: 3 }) });
  const events: unknown[] = [];
  server.events$.subscribe((event) => events.push(event));
  host.emit({ type: 'LINE_LOST', at: 1 });
  expect(events).toEqual([{ type: 'LINE_LOST', at: 1 }]);
  expect(server.stats().gateways).toEqual({ bridge: { lines: 3 } });
});

test('two gateways may have the same events; those of a plugin or of Callboard are no gateway’s', async () => {
  await serve();
  const gateway = (events: string[]): Gateway => ({
    name: 'x',
    foreign: true,
    events,
    start() {},
    stop() {},
  });
  const made = (...transports: Gateway[]) => createServer({ transports, logger: silentLogger });
  expect(() => made(gateway(['A', 'B']), gateway(['A']))).not.toThrow();
  expect(() => made(gateway(['STATUS_CHANGE']))).toThrow('there is a native event STATUS_CHANGE already');
});

test('a channel that is not bridged is between the server and its clients', async () => {
  await serve({ channels: { '#': {}, 'own/+': { bridged: false }, 'own/not': {} } });
  expect([...host.channels.patterns].sort()).toEqual(['#', 'own/not']);
  const { heard } = listening();
  const came = listenedTo('own/a');
  await server.publish('own/a', 'mine');
  await server.publish('own/not', 'for all');
  expect(heard).toEqual(['own/not for all text']);
  const draft = { channel: 'own/a', payload: Buffer.from('forged') };
  await expect(host.channels.publish(draft, nobody)).rejects.toMatchObject({ code: 'REFUSED' });
  expect(came).toEqual(['mine']);
});

function listenedTo(channel: string): unknown[] {
  const came: unknown[] = [];
  server.channel(channel).publications$.subscribe(({ data }) => came.push(data));
  return came;
}
