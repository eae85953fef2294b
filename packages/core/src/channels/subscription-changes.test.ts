import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { definePlugin, type PluginContext, type Server } from '../index.ts';

const channels = {
  'room/+': { canSubscribe: () => true, filters: true },
  'team/+': { canSubscribe: ({ user }: { user: { id: string } }) => user.id === '1' },
};

/** `+room/1` of who has subscribed, `-room/1` of who does so no more. */
function changesOf(server: Server): string[] {
  const changes: string[] = [];
  server.subscriptions$.subscribe(({ client, channel, subscribed }) => {
    const isThere = server.channel(channel).subscribers.has(client);
    expect(isThere).toBe(subscribed);
    changes.push(`${client.user.id} ${subscribed ? '+' : '-'}${channel}`);
  });
  return changes;
}

describe('the subscriptions of a server', () => {
  test('are shown as they come and end: by will, with the session, and not while it may be resumed', async () => {
    const { server, connect, clock } = await createHarness({ channels });
    const changes = changesOf(server);
    const tab = await connect(1);
    await tab.join('room/1');
    await tab.join('room/2');
    await tab.expectReply(tab.request({ op: 'unsubscribe', channels: ['room/1'] }));
    expect(changes.splice(0)).toEqual(['1 +room/1', '1 +room/2', '1 -room/1']);
    tab.cut();
    await clock.advanceAsync(59_000);
    expect(changes).toEqual([]);
    await clock.advanceAsync(2_000);
    expect(changes).toEqual(['1 -room/2']);
  });

  test('end with the right', async () => {
    let open = true;
    const { server, connect, until } = await createHarness({ channels: { a: { canSubscribe: () => open } } });
    const changes = changesOf(server);
    await (await connect(1)).join('a');
    open = false;
    await until(server.recheckRights());
    expect(changes).toEqual(['1 +a', '1 -a']);
  });

  test('are none where the server refuses, through filters, or what there is already', async () => {
    const { server, connect } = await createHarness({ channels });
    const changes = changesOf(server);
    const tab = await connect(2);
    await tab.expectError(tab.request({ op: 'subscribe', channels: ['team/1'] }), 'FORBIDDEN');
    await tab.join('room/+');
    await tab.join('room/1');
    await tab.expectReply(tab.request({ op: 'subscribe', channels: ['room/1'] }));
    expect(changes).toEqual(['2 +room/1']);
  });

  test('end, all of them, where an observer ends the client in the middle', async () => {
    const { server, connect } = await createHarness({ channels });
    const changes = changesOf(server);
    server.subscriptions$.subscribe(({ client, channel }) => {
      if (channel === 'room/1') client.disconnect();
    });
    const tab = await connect(1);
    tab.request({ op: 'subscribe', channels: ['room/1', 'room/2'] });
    await tab.expectClose('KICKED');
    expect(changes).toEqual(['1 +room/1', '1 -room/1', '1 -room/2']);
    for (const channel of ['room/1', 'room/2']) expect(server.channel(channel).subscribers.size).toBe(0);
  });

  test('an observer that throws harms nobody', async () => {
    const harness = await createHarness({ channels });
    const { server, connect } = harness;
    server.subscriptions$.subscribe(() => {
      throw new Error('broken');
    });
    const changes = changesOf(server);
    await (await connect(1)).join('room/1');
    expect([changes, harness.errors.length]).toEqual([['1 +room/1'], 1]);
  });
});

test('a plugin may ask whether a client may subscribe', async () => {
  let context: PluginContext | undefined;
  const asks = definePlugin({
    name: 'asks',
    setup(given) {
      context = given;
    },
  });
  const { server, connect } = await createHarness({ channels, plugins: [asks] });
  await connect(1);
  await connect(2);
  const may = (user: string, channel: string) => {
    const [client] = server.users.get(user)?.clients ?? [];
    return client && context?.canSubscribe(client, channel);
  };
  expect([may('1', 'team/a'), may('2', 'team/a'), may('2', 'room/a'), may('1', 'nowhere')]).toEqual([
    true,
    false,
    true,
    false,
  ]);
});
