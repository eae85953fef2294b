import type { Socket } from 'node:net';
import { Disconnect } from '@callboard/protocol';
import { SimulatedClock } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { map } from 'rxjs';
import {
  type Action,
  createServer,
  definePlugin,
  type Emit,
  ReplyError,
  type Server,
  type ServerOptions,
  silentLogger,
} from '../index.ts';
import { provide, tokens } from '../tokens.ts';
import type {
  Gateway,
  GatewayConnection,
  GatewayHost,
  GatewayLink,
  GatewayPublication,
  GatewayReader,
  GatewaySession,
} from './port.ts';

/** The port, by a gateway that does nothing by itself. */

const open = { canSubscribe: () => true, canPublish: () => true, filters: true } as const;
const framing = { frame: ({ name, payload }: GatewayPublication) => Buffer.from(`${name} ${payload}\n`) };

class Pipe implements GatewayConnection {
  readonly writes: Uint8Array[] = [];
  bufferedBytes = 0;
  saturated = false;
  closedWith: string | undefined;

  write(bytes: Uint8Array): void {
    this.writes.push(bytes);
  }
  close({ reason }: Disconnect): void {
    this.closedWith = reason;
  }
  terminate(): void {}
}

let clock: SimulatedClock;
let server: Server;
let host: GatewayHost;

async function serve(options: Partial<ServerOptions> = {}): Promise<void> {
  const gateway: Gateway = {
    name: 'foreign',
    foreign: true,
    start(given) {
      host = given;
    },
    stop() {},
  };
  server = createServer({
    transports: [gateway],
    channels: { '#': open },
    logger: silentLogger,
    provide: [provide(tokens.clock, clock)],
    ...options,
  });
  await server.start();
}

function accept(): { pipe: Pipe; link: GatewayLink } {
  const pipe = new Pipe();
  const peer = host.admit({ remoteAddress: '127.0.0.1' } as Socket);
  if ('status' in peer) throw new Error(peer.code);
  return { pipe, link: host.accept(pipe, peer) };
}

async function attached(userId: string, session?: GatewaySession, resumeMs = 1_000) {
  const { pipe, link } = accept();
  const accepted = await link.authenticate({ userId, token: undefined, device: 'thing' });
  let ended = 0;
  const options = { session, device: 'thing', resumeMs, ended: () => void ended++ };
  return { pipe, link, session: await link.attach(accepted, options), ended: () => ended };
}

/** What it is given, as text; sent to `link` at once where there is one. */
function reader(link?: GatewayLink): GatewayReader & { heard: string[] } {
  const heard: string[] = [];
  return {
    heard,
    deliver(publication, ageMs) {
      heard.push(
        `${publication.name} ${Buffer.from(publication.payload)}${ageMs === undefined ? '' : ` ${ageMs}`}`,
      );
      link?.send(publication.framed(framing));
    },
    ended: () => void heard.push('ended'),
  };
}

beforeEach(() => {
  clock = new SimulatedClock();
});
afterEach(async () => {
  const stopped = server.disconnect();
  for (let i = 0; i < 20; i++) {
    clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await stopped;
});

test('connections that are sent the same publications in a turn share the bytes of one write', async () => {
  await serve();
  const things = [await attached('a'), await attached('b')];
  for (const { session, link } of things) await session.subscribe('x/+', reader(link));
  for (const text of ['1', '2']) await server.publish('x/y', text);
  clock.advance(0);
  const [one, two] = things.map(({ pipe }) => pipe.writes);
  expect(String(one)).toBe('x/y 1\nx/y 2\n');
  expect(one?.[0]).toBe(two?.[0]);
});

describe('a session', () => {
  test('is a client whose subscriptions go on without a connection, until it has waited long enough', async () => {
    await serve();
    const { session, link, ended } = await attached('a');
    const heard = reader();
    await session.subscribe('x', heard);
    link.closed('gone');
    expect([session.client.online, server.users.get('a')?.status.status]).toEqual([false, 'OFFLINE']);
    await server.publish('x', 'still there');
    clock.advance(999);
    expect(ended()).toBe(0);
    clock.advance(1);
    expect([ended(), server.users.has('a')]).toEqual([1, false]);
    await server.publish('x', 'no more');
    expect(heard.heard).toEqual(['x still there']);
  });

  test('is shown as subscribed to channels by their names, whatever else it reads', async () => {
    await serve();
    const changes: string[] = [];
    server.subscriptions$.subscribe(({ client, channel, subscribed }) =>
      changes.push(`${client.device} ${subscribed ? '+' : '-'}${channel}`),
    );
    const { session, link } = await attached('a');
    for (const filter of ['x', 'y', 'x/+', 'x']) await session.subscribe(filter, reader());
    await session.unsubscribe('x/+');
    await session.unsubscribe('y');
    await server.recheckRights();
    link.closed('gone');
    expect(changes.splice(0)).toEqual(['thing +x', 'thing +y', 'thing -y']);
    clock.advance(1_000);
    expect(changes).toEqual(['thing -x']);
  });

  test('that is to end with its connection does', async () => {
    await serve();
    const { link, ended } = await attached('a', undefined, 0);
    link.closed('gone');
    expect([ended(), server.users.size]).toEqual([1, 0]);
  });

  test('is taken over, by the same user alone', async () => {
    await serve();
    const before = await attached('a');
    const after = await attached('a', before.session);
    expect(after.session).toBe(before.session);
    expect(before.pipe.closedWith).toBe('REPLACED');
    before.link.closed('late');
    expect([after.session.client.online, before.ended()]).toEqual([true, 0]);
    await expect(attached('eve', before.session)).rejects.toMatchObject({ reason: 'UNAUTHORIZED' });
  });

  test('of a server before is a client that may come back: it reads on, and is taken over or ends', async () => {
    await serve();
    const ended: string[] = [];
    const restore = (device: string) =>
      host.restore(
        { userId: 'a', claims: { of: device }, expiresAtMs: undefined },
        { device, resumeMs: 1_000, ended: () => void ended.push(device) },
      );
    const [one, two] = [await restore('one'), await restore('two')];
    const user = server.users.get('a');
    expect([user?.status.status, user?.clients.size, one.client.online]).toEqual(['OFFLINE', 2, false]);
    expect(one.client).toMatchObject({
      transport: 'foreign',
      connectedAt: 0,
      device: 'one',
      claims: { of: 'one' },
    });
    const heard = reader();
    await one.subscribe('x/+', heard);
    await server.publish('x/y', 1);
    expect(heard.heard).toEqual(['x/y 1']);
    const { session } = await attached('a', one);
    expect([session === one, user?.status.status]).toEqual([true, 'ONLINE']);
    clock.advance(1_000);
    expect(ended).toEqual(['two']);
    two.end(new Disconnect('KICKED'));
    expect([user?.clients.size, one.client.online]).toEqual([1, true]);
  });

  test('of a server before that nobody comes back to leaves nothing', async () => {
    await serve();
    const accepted = { userId: 'a', claims: {}, expiresAtMs: undefined };
    await host.restore(accepted, { device: 'one', resumeMs: 1_000, ended() {} });
    clock.advance(1_000);
    expect([server.users.size, server.stats().clients.resumable]).toEqual([0, 0]);
  });

  test('that ends with the server ends while it is draining', async () => {
    await serve();
    const seen: boolean[] = [];
    const { link } = accept();
    const accepted = await link.authenticate({ userId: 'a', token: undefined, device: 'thing' });
    const ended = () => void seen.push(host.draining);
    await link.attach(accepted, { device: 'thing', resumeMs: 1_000, ended });
    link.closed('gone');
    expect(host.draining).toBe(false);
    await server.disconnect();
    expect(seen).toEqual([true]);
  });

  test('loses what it may not read any more', async () => {
    let allowed = true;
    await serve({ channels: { x: { canSubscribe: () => allowed } } });
    const { session } = await attached('a');
    const heard = reader();
    await session.subscribe('x', heard);
    allowed = false;
    await server.recheckRights('a');
    await server.publish('x', 1);
    expect(heard.heard).toEqual(['ended']);
    await expect(session.subscribe('x', heard)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('is given last values as its connection takes them', async () => {
    await serve({ channels: { '#': { ...open, retain: true } } });
    await server.publish('x/1', 'one');
    const { session, pipe } = await attached('a');
    const heard = reader();
    await session.subscribe('x/#', heard);
    pipe.saturated = true;
    session.lastValues(['x/#']);
    clock.advance(500);
    expect(heard.heard).toEqual([]);
    pipe.saturated = false;
    clock.advance(20);
    clock.advance(0);
    expect(heard.heard).toEqual(['x/1 one 520']);
  });
});

test('what might be published is asked of the policy, with what the bytes are as data', async () => {
  const asked: unknown[] = [];
  const canPublish = ({ channel, data }: { channel: string; data: unknown }) => {
    asked.push(data);
    if (channel === 'fails') throw new Error('no database');
    return data !== 'no';
  };
  await serve({ channels: { '+': { canPublish, payload: 'json' }, closed: {} } });
  const { session } = await attached('a');
  const may = (channel: string, text: string) => session.mayPublish({ channel, payload: Buffer.from(text) });
  expect([await may('x', '{"on":true}'), await may('x', '"no"'), await may('x', 'no json')]).toEqual([
    true,
    false,
    true,
  ]);
  expect(asked).toEqual([{ on: true }, 'no', Buffer.from('no json')]);
  expect([await may('closed', '1'), await may('$SYS/x', '1')]).toEqual([false, false]);
  await expect(may('fails', '1')).rejects.toMatchObject({ code: 'INTERNAL' });
  expect(server.stats().publications.published).toBe(0);
});

describe('publishing', () => {
  test('what is marked, and that alone, is the last value until it expires', async () => {
    await serve({ channels: { '#': { ...open, retain: 'marked' } } });
    const { session } = await attached('a');
    const say = (text: string, attributes: object) =>
      session.publish({ channel: 'x', payload: Buffer.from(text), attributes });
    const lastOf = async () => {
      const heard = reader();
      await session.subscribe('x', heard);
      session.lastValues(['x']);
      clock.advance(0);
      await session.unsubscribe('x');
      return heard.heard;
    };
    const watched = server.channel('x').publications$.subscribe();
    await say('kept', { retain: true, expiresAt: clock.now() + 1_000 });
    await say('passing', {});
    await server.publish('x', 'of the server');
    expect(await lastOf()).toEqual(['x kept 0']);
    clock.advance(1_000);
    expect(await lastOf()).toEqual([]);
    watched.unsubscribe();
    expect(server.stats().channels).toBe(0);
  });

  test('is checked by plugins, as everybody’s is, in the order in which it was asked for', async () => {
    const seen: string[] = [];
    const plugin = definePlugin({
      name: 'guard',
      setup(context) {
        context.check(async ({ frame }) => {
          if (frame.op !== 'publish') return;
          seen.push(`${frame.channel} ${JSON.stringify(frame.data)}`);
          if (frame.channel === 'no') throw new ReplyError('REFUSED');
        });
      },
    });
    await serve({
      plugins: [plugin],
      channels: { '#': open, number: { ...open, payload: 'number' }, raw: { ...open, payload: 'raw' } },
    });
    const { session } = await attached('a');
    const payload = Buffer.from('21.50');
    const outcomes = await Promise.allSettled(
      ['yes', 'no', 'number', 'raw'].map((channel) => session.publish({ channel, payload })),
    );
    expect(outcomes.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.code))).toEqual([
      'published',
      'REFUSED',
      'published',
      'published',
    ]);
    expect(seen).toEqual(['yes "21.50"', 'no "21.50"', 'number 21.5', 'raw {"b64":"MjEuNTA="}']);
  });

  test('what only its protocol is told is left out where an operator has changed the meta', async () => {
    const plugin = definePlugin({
      name: 'units',
      setup(context) {
        context.outbound(map((outgoing) => ({ ...outgoing, meta: { unit: 'K' } })));
      },
    });
    await serve({ plugins: [plugin] });
    const { session } = await attached('a');
    const given: unknown[] = [];
    await session.subscribe('x', {
      deliver: ({ attributes, content }) => given.push(attributes, content.meta),
      ended() {},
    });
    const attributes = { retain: true, own: {} };
    await session.publish({ channel: 'x', payload: Buffer.from('1'), meta: { unit: 'C' }, attributes });
    expect(given).toEqual([{ retain: true, own: undefined }, { unit: 'K' }]);
  });

  test('bytes that an operator makes something else of are not what devices get', async () => {
    const plugin = definePlugin({
      name: 'loud',
      setup(context) {
        context.outbound(
          map((outgoing) =>
            outgoing.kind === 'publication'
              ? { ...outgoing, data: String(outgoing.data).toUpperCase() }
              : outgoing,
          ),
        );
      },
    });
    await serve({ plugins: [plugin] });
    const { session } = await attached('a');
    const heard = reader();
    await session.subscribe('x', heard);
    await session.publish({ channel: 'x', payload: Buffer.from('quiet') });
    expect(heard.heard).toEqual(['x QUIET']);
  });
});

test('more than it takes ends it', async () => {
  await serve({ limits: { maxOutboxBytes: 100 } });
  const { session, link, pipe } = await attached('a');
  await session.subscribe('x', reader(link));
  await server.publish('x', 'x'.repeat(100));
  expect([pipe.closedWith, session.client.online]).toEqual(['SLOW_READER', false]);
});

test('is told events of gateways that are for its user, or for everybody; else nobody is', async () => {
  await serve();
  const told: string[] = [];
  for (const userId of ['ada', 'eve']) {
    const { session } = await attached(userId);
    session.follow(undefined, ({ type }) => told.push(`${type} to ${userId}`));
  }
  const user = server.users.get('ada');
  const seen: string[] = [];
  server.events$.subscribe(({ type }) => seen.push(type));
  host.emit({ type: 'LINE_LOST' });
  host.emit({ type: 'ITS_OWN' }, { user });
  host.emit({ type: 'NEWS' }, { everybody: true });
  expect(told).toEqual(['ITS_OWN to ada', 'NEWS to ada', 'NEWS to eve']);
  expect(seen).toEqual(['LINE_LOST', 'ITS_OWN', 'NEWS']);
});

test('is told what a plugin tells it by name, while it has a connection', async () => {
  let whisper!: Emit<Action>;
  const whispers = definePlugin({
    name: 'whispers',
    setup({ event }) {
      whisper = event('WHISPER');
    },
  });
  await serve({ plugins: [whispers] });
  const { session, link } = await attached('ada');
  const told: string[] = [];
  session.follow(undefined, ({ type }) => told.push(type));
  whisper.to([session.client], { type: 'WHISPER' });
  link.closed('gone');
  whisper.to([session.client], { type: 'WHISPER' });
  expect(told).toEqual(['WHISPER']);
});

describe('a graceful stop', () => {
  test('waits for publications and calls of gateways that have begun, and refuses others', async () => {
    let allow = (_: boolean) => {};
    let answer = (_: unknown) => {};
    await serve({
      channels: {
        x: {
          canPublish: () =>
            new Promise<boolean>((resolve) => {
              allow = resolve;
            }),
        },
      },
      handlers: {
        SLOW: () =>
          new Promise((resolve) => {
            answer = resolve;
          }),
      },
    });
    const { session, pipe } = await attached('a');
    const answers: unknown[] = [];
    await session.call({ type: 'SLOW' }, (each) => answers.push(each));
    const payload = Buffer.from('x');
    const published = session.publish({ channel: 'x', payload });
    const stopped = server.disconnect();
    const turns = async () => {
      for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    };
    await turns();
    expect(() => session.publish({ channel: 'x', payload })).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE' }),
    );
    expect(pipe.closedWith).toBeUndefined();
    allow(true);
    expect(await published).toBe('published');
    await turns();
    expect(pipe.closedWith).toBeUndefined();
    answer(42);
    await turns();
    expect([answers, pipe.closedWith]).toEqual([[{ result: '42' }], 'SERVER_SHUTDOWN']);
    clock.advance(10_000);
    await stopped;
  });
});
