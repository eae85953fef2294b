import type { Socket } from 'node:net';
import type { Disconnect } from '@callboard/protocol';
import { SimulatedClock } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { map } from 'rxjs';
import {
  createServer,
  definePlugin,
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

describe('publishing', () => {
  test('is checked by plugins, as everybody’s is, in the order in which it was asked for', async () => {
    const seen: string[] = [];
    const plugin = definePlugin({
      name: 'guard',
      setup(context) {
        context.check(async ({ frame }) => {
          if (frame.op !== 'publish') return;
          seen.push(frame.channel);
          if (frame.channel === 'no') throw new ReplyError('REFUSED');
        });
      },
    });
    await serve({ plugins: [plugin] });
    const { session } = await attached('a');
    const payload = Buffer.from('x');
    const outcomes = await Promise.allSettled(
      ['yes', 'no', 'also'].map((channel) => session.publish({ channel, payload })),
    );
    expect(outcomes.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.code))).toEqual([
      'published',
      'REFUSED',
      'published',
    ]);
    expect(seen).toEqual(['yes', 'no', 'also']);
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
    await expect(session.publish({ channel: 'x', payload })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
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
