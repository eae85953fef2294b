import type { Server, ServerOptions } from '@callboard/core';
import { afterEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { failure, Stage, until } from '../test/support.ts';
import type { Channel, Client, Gap, Publication, ReplyError } from './index.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.end();
  stage = new Stage();
});

const open = { canSubscribe: () => true, canPublish: () => true, filters: true };
const channels: ServerOptions['channels'] = {
  'bare/+': open,
  'kept/+': { ...open, history: { size: 20 } },
  'last/+': { ...open, retain: true },
  'team/+': {
    ...open,
    history: { size: 20 },
    canSubscribe: ({ client, channel }) => client.claims.team === channel.split('/')[1],
  },
};
/** A token is a team. */
const verifyClient = ({ token }: { token?: string | undefined }) => ({ claims: { team: token } });

/** What a channel, or a filter, is told from now on. */
function heardOf(channel: Channel) {
  const heard = {
    data: [] as unknown[],
    publications: [] as Publication[],
    gaps: [] as Gap[],
    refusals: [] as ReplyError[],
  };
  channel.subscribe((publication) => {
    heard.data.push(publication.data);
    heard.publications.push(publication);
  });
  channel.gaps$.subscribe((gap) => heard.gaps.push(gap));
  channel.refusals$.subscribe((refusal) => heard.refusals.push(refusal));
  return heard;
}
async function join(client: Client, name: string) {
  const channel = client.channel(name);
  const heard = heardOf(channel);
  await channel.joined();
  return { channel, ...heard };
}
/** All that was published so far has come, if it comes. */
const settled = (server: Server, ...clients: readonly Client[]) => stage.delivered(server, clients);

describe('subscriptions that overlap', () => {
  test('make one delivery, which each subscriber is called with once', async () => {
    const server = await stage.serve({ channels });
    const client = await stage.online(server, 1);
    const [exact, one, all] = [
      await join(client, 'kept/1'),
      await join(client, 'kept/+'),
      await join(client, '#'),
    ];
    const before = server.stats().frames.delivered;
    for (const data of [1, 2, 3]) await server.publish('kept/1', data);
    await server.publish('kept/2', 'two');
    await settled(server, client);
    expect(exact.data).toEqual([1, 2, 3]);
    for (const { data } of [one, all]) expect(data).toEqual([1, 2, 3, 'two']);
    // And the message by which it was waited for.
    expect(server.stats().frames.delivered - before).toBe(5);
    await one.channel.leave();
    await server.publish('kept/1', 4);
    await settled(server, client);
    expect([exact.data.at(-1), one.data.at(-1), all.data.at(-1)]).toEqual([4, 'two', 4]);
  });

  test('go on over a lost link: the channel recovers, and a filter sees that', async () => {
    const server = await stage.serve({ channels });
    const cable = await stage.cable(server);
    const client = await stage.online(cable, 1);
    const [exact, filter] = [await join(client, 'kept/1'), await join(client, 'kept/+')];
    await server.publish('kept/1', 1);
    await settled(server, client);
    cable.cut();
    await stage.lost(client);
    await server.publish('kept/1', 2);
    await server.publish('kept/2', 'lost for the filter');
    await stage.back(client);
    await server.publish('kept/2', 'live');
    await settled(server, client);
    expect([exact.data, filter.data]).toEqual([
      [1, 2],
      [1, 2, 'live'],
    ]);
    expect([exact.gaps, filter.gaps]).toEqual([[], []]);
  });

  test('go on in a new session, the channel from its position', async () => {
    const server = await stage.serve({ channels, limits: { resumeWindowMs: 1_000 } });
    const cable = await stage.cable(server);
    const client = await stage.online(cable, 1);
    const [exact, filter] = [await join(client, 'kept/1'), await join(client, 'last/+')];
    await server.publish('kept/1', 1);
    await settled(server, client);
    const { id } = client;
    cable.plugIn();
    cable.cut();
    await stage.lost(client);
    await until(() => {
      stage.clock.advance(500);
      return server.users.size === 0;
    }, 'the end of the session');
    for (const data of [2, 3]) await server.publish('kept/1', data);
    await server.publish('last/1', 'a last value');
    cable.plugIn(server);
    await stage.back(client);
    await until(() => filter.data.length > 0, 'the last value');
    await settled(server, client);
    expect(client.id).not.toBe(id);
    expect([exact.data, exact.gaps]).toEqual([[1, 2, 3], []]);
    expect(filter.publications).toMatchObject([{ data: 'a last value', retained: true, channel: 'last/1' }]);
  });
});

describe('a right to read that is lost', () => {
  test('with a new token ends the subscription, and both sides know', async () => {
    const server = await stage.serve({ channels, verifyClient });
    const client = await stage.online(server, 1, { token: 'red' });
    const { channel, data, refusals } = await join(client, 'team/red');
    await client.refresh('blue');
    await until(() => refusals.length > 0, 'the refusal');
    expect(refusals).toMatchObject([{ code: 'FORBIDDEN' }]);
    expect(server.channel('team/red').subscribers.size).toBe(0);
    await server.publish('team/red', 'secret');
    await settled(server, client);
    expect(data).toEqual([]);
    const refusal = await failure(channel.joined());
    expect(refusal.error.code).toBe('FORBIDDEN');
    await client.refresh('red');
    await refusal.retry();
    await server.publish('team/red', 'again');
    await settled(server, client);
    expect(data).toEqual(['again']);
  });

  test('while the link is down, or with the word of it lost on the way, is told at the resume', async () => {
    const server = await stage.serve({ channels, verifyClient });
    const cable = await stage.cable(server);
    const tokens = ['red', 'blue'];
    const client = await stage.online(cable, 1, { token: () => tokens.shift() ?? 'blue' });
    const { data, refusals } = await join(client, 'team/red');
    cable.cut();
    await stage.lost(client);
    await server.publish('team/red', 'secret');
    await stage.back(client);
    await until(() => refusals.length > 0, 'the refusal');
    await settled(server, client);
    expect([data, refusals.map(({ code }) => code)]).toEqual([[], ['FORBIDDEN']]);
    expect(server.channel('team/red').subscribers.size).toBe(0);
  });

  test('because nobody could tell is asked for again, and nothing is missed', async () => {
    let answer: () => boolean = () => true;
    const server = await stage.serve({
      channels: { a: { canSubscribe: () => answer(), history: { size: 5 } } },
    });
    const client = await stage.online(server, 1);
    const { data, gaps, refusals } = await join(client, 'a');
    answer = () => {
      throw new Error('the database is away');
    };
    await server.recheckRights(1);
    answer = () => true;
    await server.publish('a', 1);
    await until(() => {
      stage.clock.advance(500);
      return data.length > 0;
    }, 'what was missed');
    expect([data, gaps, refusals]).toEqual([[1], [], []]);
  });
});

describe('what is published', () => {
  test('comes as it was: bytes, meta, version, who', async () => {
    const server = await stage.serve({ channels });
    const [client, other] = [await stage.online(server, 1), await stage.online(server, 2)];
    const { publications } = await join(other, 'kept/1');
    const bytes = Uint8Array.of(0, 127, 255);
    const sent = await client.channel('kept/1').publish(bytes, { meta: { unit: 'raw' }, version: 3 });
    expect(sent).toEqual({ outcome: 'published' });
    await server.publish('kept/1', bytes);
    await settled(server, other);
    expect(publications).toMatchObject([
      { data: bytes, meta: { unit: 'raw' }, version: 3, from: { userId: '1', clientId: client.id } },
      { data: bytes },
    ]);
    const page = await client.channel('kept/1').history();
    expect(page.publications.map(({ data }) => data)).toEqual([bytes, bytes]);
  });

  test('is stale, repeated or invalid, also from another session', async () => {
    const stock = z.object({ stock: z.number() });
    const server = await stage.serve({
      channels: { 'last/+': { ...open, retain: true, schema: stock } },
    });
    const [first, second] = [await stage.online(server, 1), await stage.online(server, 1)];
    const at = (client: Client) => client.channel('last/1');
    const state = { stock: 4 };
    expect(await at(first).publish(state, { version: 5, key: 'k' })).toEqual({ outcome: 'published' });
    await first.close();
    expect(await at(second).publish(state, { version: 5, key: 'k' })).toEqual({ outcome: 'repeated' });
    expect(await at(second).publish(state, { version: 4 })).toEqual({ outcome: 'stale' });
    const { error, effect } = await failure(at(second).publish({ stock: 'many' }));
    expect([error.code, effect]).toEqual(['INVALID_DATA', 'none']);
    expect(error.message).toMatch(/^stock: /);
    const bad = await failure(at(second).publish(state, { version: -1 }));
    expect([bad.error.code, bad.effect]).toEqual(['INVALID_REQUEST', 'none']);
    expect(second.isConnected()).toBe(true);
  });

  test('can be paged through to the first that is kept, from any live one on', async () => {
    const server = await stage.serve({ channels });
    const client = await stage.online(server, 1);
    const { channel, publications } = await join(client, 'kept/1');
    for (let n = 1; n <= 30; n++) await server.publish('kept/1', n);
    await settled(server, client);
    const got: unknown[] = [];
    for (let before = publications.at(-1)?.position; before !== undefined; ) {
      const page = await channel.history({ before, limit: 7 });
      got.unshift(...page.publications.map(({ data }) => data));
      before = page.before;
    }
    expect(got).toEqual(Array.from({ length: 19 }, (_, i) => i + 11));
    const { error } = await failure(channel.history({ before: { epoch: 'another', offset: 1 } }));
    expect(error.code).toBe('UNKNOWN_POSITION');
  });
});

describe('limits', () => {
  test('five hundred channels and filters, and not one more', async () => {
    const server = await stage.serve({ channels: { '#': open } });
    const client = await stage.online(server, 1);
    const names = Array.from({ length: 500 }, (_, i) => (i % 2 === 0 ? `a/${i}` : `a/${i}/+`));
    const heard = names.map((name) => heardOf(client.channel(name)));
    await Promise.all(names.map((name) => client.channel(name).joined()));
    const more = client.channel('one/more');
    heardOf(more);
    expect((await failure(more.joined())).error.code).toBe('TOO_MANY_CHANNELS');
    for (const name of ['a/0', 'a/499/x']) await server.publish(name, name);
    await settled(server, client);
    expect(heard.flatMap(({ data }) => data)).toEqual(['a/0', 'a/499/x']);
    await client.channel('a/0').leave();
    await client.channel('a/2').leave();
    await more.leave();
    await join(client, 'one/more');
    await server.publish('one/more', 1);
  });
});
