import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { deferred } from '../../test/deferred.ts';
import { bothLogs, withLog } from '../../test/logs.ts';
import type { ChannelRequest } from './policy.ts';

/** Teams are in the token: `red,blue`. */
const verifyClient = ({ token = '' }: { token?: string | undefined }) => ({
  claims: { teams: token.split(',') },
});
const isOfTeam = ({ client, channel }: ChannelRequest) =>
  (client.claims.teams as string[]).includes(channel.split('/')[1] ?? '');
const channels = {
  'team/#': { canSubscribe: isOfTeam, filters: true, history: { size: 10 }, retain: true },
  open: { canSubscribe: () => true, history: { size: 10 } },
};

describe.each(bothLogs)('rights to read, with a log that answers %s,', (answers) => {
  const harness = (options: object = {}) =>
    createHarness({ verifyClient, channels, ...withLog(answers).options, ...options });

  test('that a new token does not bring end the subscription, with a word', async () => {
    const { server, connect, until, clock } = await harness();
    const [tab, other] = [await connect(1, { token: 'red,blue' }), await connect(1, { token: 'red,blue' })];
    for (const client of [tab, other])
      await client.join(['team/red', 'team/blue', 'team/red/+', 'team/blue/+', 'open']);
    await tab.expectReply(tab.request({ op: 'refresh', token: 'blue' }));
    await clock.settle();
    expect(await tab.expectUnsubscribed()).toEqual({
      op: 'unsubscribed',
      channels: ['team/red', 'team/red/+'],
      code: 'FORBIDDEN',
      message: expect.any(String),
      retryable: false,
    });
    for (const name of ['team/red', 'team/red/1', 'team/blue', 'team/blue/1', 'open'])
      await until(server.publish(name, name));
    for (const channel of ['team/blue', 'team/blue/1', 'open']) await tab.expectPublication({ channel });
    for (const channel of ['team/red', 'team/red/1', 'team/blue', 'team/blue/1', 'open'])
      await other.expectPublication({ channel });
    for (const client of [tab, other]) await client.expectNothing();
    expect(server.channel('team/red').subscribers.size).toBe(1);
    await tab.expectError(tab.request({ op: 'subscribe', channels: ['team/red'] }), 'FORBIDDEN');
  });

  test('that are lost while the client is away are lost with what it missed', async () => {
    const { server, connect, until } = await harness();
    const tab = await connect(1, { token: 'red,blue' });
    await tab.join(['team/red', 'team/blue', 'team/red/+']);
    tab.cut();
    for (const name of ['team/red', 'team/blue', 'team/red/1']) await until(server.publish(name, name));
    const { streams, resumed } = await tab.resume({ token: 'blue' });
    expect([resumed, Object.keys(streams).sort()]).toEqual([true, ['$inbox', 'team/blue']]);
    await tab.expectPublication({ channel: 'team/blue' });
    await tab.expectNothing();
    expect(server.channel('team/red').subscribers.size).toBe(0);
  });

  test('that stay are not asked for anew at a resume with the same claims', async () => {
    let asked = 0;
    const { connect } = await harness({
      channels: { a: { canSubscribe: () => ++asked > 0 } },
    });
    const tab = await connect(1, { token: 'red' });
    await tab.join('a');
    tab.cut();
    await tab.resume({ token: 'red' });
    expect(asked).toBe(1);
    tab.cut();
    await tab.resume({ token: 'blue' });
    expect(asked).toBe(2);
    await tab.expectNothing();
  });

  test('are asked for anew when the application says so, for those whom it names', async () => {
    const banned = new Set<string>();
    const { server, connect, until } = await harness({
      channels: { a: { canSubscribe: ({ user }: ChannelRequest) => !banned.has(user.id), retain: true } },
    });
    const [one, two, away] = [await connect(1), await connect(2), await connect(2)];
    for (const client of [one, two, away]) await client.join('a');
    away.cut();
    banned.add('1').add('2');
    await until(server.recheckRights([2, 77]));
    await two.expectUnsubscribed();
    await until(server.publish('a', 1));
    await one.expectPublication({ data: 1 });
    expect((await away.resume()).streams).not.toHaveProperty('a');
    await until(server.recheckRights());
    await one.expectUnsubscribed();
    for (const client of [one, two, away]) await client.expectNothing();
    await expect(server.recheckRights('')).rejects.toThrow(TypeError);
  });

  test('that nobody can tell end too, but the client may come back', async () => {
    let answer: () => boolean | Promise<boolean> = () => true;
    const { server, connect, until, clock, logs } = await harness({
      channels: { '+': { canSubscribe: () => answer(), history: { size: 10 } } },
    });
    const tab = await connect(1, { token: 'red' });
    const streams = await tab.join(['a', 'b']);
    answer = () => {
      throw new Error('the database is away');
    };
    await until(server.recheckRights(1));
    expect(await tab.expectUnsubscribed()).toMatchObject({
      channels: ['a', 'b'],
      code: 'UNAVAILABLE',
      retryable: true,
    });
    expect(logs.filter(({ message }) => message === 'a right could not be checked')).toHaveLength(2);
    await until(server.publish('a', 'missed'));
    answer = () => true;
    const { a } = await tab.join('a', { a: streams.a as never });
    expect(a?.recovered).toBe(true);
    await tab.expectPublication({ data: 'missed' });
    answer = () => new Promise(() => {});
    const checked = server.recheckRights(1);
    await clock.advanceAsync(30_000);
    await checked;
    expect(await tab.expectUnsubscribed()).toMatchObject({ code: 'CHECK_TIMEOUT', retryable: true });
  });
});

test('a subscribe that was asked for under the old token does not slip through', async () => {
  const gate = deferred<boolean>();
  let first = true;
  const { server, connect, clock } = await createHarness({
    verifyClient,
    channels: {
      'team/+': {
        canSubscribe: (request) => {
          if (!first) return isOfTeam(request);
          first = false;
          return gate.promise;
        },
      },
    },
  });
  const tab = await connect(1, { token: 'red' });
  const mid = tab.request({ op: 'subscribe', channels: ['team/red'] });
  await clock.settle();
  await tab.expectReply(tab.request({ op: 'refresh', token: 'blue' }));
  gate.resolve(true);
  await tab.expectReply(mid);
  await tab.expectUnsubscribed();
  expect(server.channel('team/red').subscribers.size).toBe(0);
});

test('a client that leaves while its rights are checked leaves nothing behind', async () => {
  const gate = deferred<boolean>();
  let answer: () => boolean | Promise<boolean> = () => true;
  const { server, connect, clock } = await createHarness({
    channels: { 'a/+': { canSubscribe: () => answer(), filters: true } },
  });
  const tab = await connect(1);
  await tab.join(['a/1', 'a/+']);
  answer = () => gate.promise;
  const checked = server.recheckRights();
  await clock.settle();
  tab.close();
  await clock.settle();
  gate.resolve(true);
  await checked;
  await server.publish('a/1', 1);
  expect(server.stats()).toMatchObject({ channels: 0, users: 0 });
});

test('who comes back twice while its rights are checked is not given what it may not read', async () => {
  const gate = deferred<void>();
  let slow = false;
  const { server, connect, client, clock } = await createHarness({
    verifyClient,
    channels: {
      'team/+': {
        canSubscribe: async (request) => {
          if (slow) await gate.promise;
          return isOfTeam(request);
        },
        history: { size: 10 },
      },
    },
  });
  const tab = await connect(1, { token: 'red' });
  await tab.join('team/red');
  tab.cut();
  await server.publish('team/red', 'secret');
  slow = true;
  const resume = tab.resumption;
  const first = client(1);
  await first.dial({ token: 'blue', resume });
  await clock.settle();
  first.cut();
  const second = client(1);
  await second.dial({ token: 'blue', resume });
  await clock.settle();
  gate.resolve();
  await clock.settle();
  expect((await second.expectConnected()).streams).not.toHaveProperty('team/red');
  expect(second.frames.map(({ op }) => op)).toEqual(['connected']);
});

test('a client cannot put off that its rights are checked, and they are checked once for all who ask', async () => {
  const gates = [deferred<boolean>(), deferred<boolean>(), deferred<boolean>()];
  let asked = 0;
  const { server, connect, clock } = await createHarness({
    channels: {
      a: { canSubscribe: () => asked++ === 0 },
      'slow/+': { canSubscribe: ({ channel }) => gates[Number(channel.slice(5))]?.promise ?? false },
    },
  });
  const tab = await connect(1);
  await tab.join('a');
  for (const [i] of gates.entries()) tab.request({ op: 'subscribe', channels: [`slow/${i}`] });
  const checks = [server.recheckRights(), server.recheckRights(), server.recheckRights(1)];
  await clock.settle();
  expect(asked).toBe(1);
  gates[0]?.resolve(true);
  await Promise.all(checks);
  expect(await tab.expectUnsubscribed()).toMatchObject({ channels: ['a'] });
  expect(asked).toBe(2);
});
