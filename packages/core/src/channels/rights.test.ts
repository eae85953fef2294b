import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { deferred } from '../../test/deferred.ts';

describe('rights', () => {
  test('are nobody’s without a policy, and nothing is left of what was refused', async () => {
    const { server, connect } = await createHarness({ channels: { some: { canSubscribe: () => false } } });
    const tab = await connect(1);
    for (const channel of ['some', 'other', 'constructor']) {
      await tab.expectError(tab.request({ op: 'subscribe', channels: [channel] }), 'FORBIDDEN');
      await tab.expectError(tab.publish(channel, 1), 'FORBIDDEN');
    }
    expect(server.stats().channels).toBe(0);
    await server.publish('some', 1);
    await tab.expectNothing();
  });

  test('are asked for with who and what, at subscribe and publish', async () => {
    const asked: unknown[] = [];
    const { connect } = await createHarness({
      channels: {
        '#': {
          canSubscribe: ({ user, client, channel }) => asked.push([user.id, client.id, channel]) > 0,
          canPublish: async ({ user, client, channel, data }) => {
            asked.push([user.id, client.id, channel, data]);
            return data !== 'no';
          },
        },
      },
    });
    const [tab, other] = [await connect(1), await connect(2)];
    await tab.join(['a', 'b']);
    await tab.join('a');
    await other.expectError(other.publish('a', 'no'), 'FORBIDDEN');
    await other.expectReply(other.publish('a', 'yes'));
    await tab.expectPublication({ data: 'yes' });
    await tab.expectNothing();
    const { clientId } = other;
    expect(asked).toEqual([
      ...['a', 'b'].map((channel) => ['1', tab.clientId, channel]),
      ...['no', 'yes'].map((data) => ['2', clientId, 'a', data]),
    ]);
  });

  test.each<[string, () => never | Promise<never>]>([
    ['throws', () => fail()],
    ['rejects', async () => fail()],
  ])('are refused and logged where the check %s', async (_, check) => {
    const { server, connect, logs } = await createHarness({
      channels: { a: { canSubscribe: check, canPublish: check } },
    });
    const tab = await connect(1);
    await tab.expectError(tab.request({ op: 'subscribe', channels: ['a'] }), 'INTERNAL');
    await tab.expectError(tab.publish('a', 1), 'INTERNAL');
    expect(logs.filter(({ level }) => level === 'error')).toHaveLength(2);
    expect(server.stats().channels).toBe(0);
  });

  test('that are not known in time: CHECK_TIMEOUT, and it may be sent again', async () => {
    let answer: Promise<boolean> | boolean = new Promise<boolean>(() => {});
    const check = () => answer;
    const { clock, connect } = await createHarness({
      channels: { a: { canSubscribe: check, canPublish: check } },
    });
    const tab = await connect(1);
    const mids = [tab.request({ op: 'subscribe', channels: ['a'] }), tab.publish('a', 1)];
    for (const mid of mids) {
      await clock.advanceAsync(30_000);
      expect(await tab.expectError(mid, 'CHECK_TIMEOUT')).toMatchObject({ retryable: true });
    }
    answer = true;
    await tab.join('a');
    await tab.expectReply(tab.publish('a', 1));
    await tab.expectPublication({ data: 1 });
  });

  test('keep the order of a client’s requests, and hold up nobody else', async () => {
    const gate = deferred<boolean>();
    const { connect } = await createHarness({
      channels: {
        slow: { canSubscribe: () => gate.promise, canPublish: () => true },
        quick: { canSubscribe: () => true, canPublish: () => true },
      },
    });
    const [tab, other] = [await connect(1), await connect(2)];
    await other.join('quick');
    const mids = [
      tab.request({ op: 'subscribe', channels: ['slow'] }),
      tab.publish('slow', 'after'),
      tab.publish('quick', 'later'),
      tab.request({ op: 'unsubscribe', channels: ['slow'] }),
      tab.publish('slow', 'never'),
    ];
    await tab.expectNothing();
    await other.expectReply(other.publish('quick', 'sooner'));
    gate.resolve(true);
    for (const mid of mids) await tab.expectReply(mid);
    await tab.expectPublication({ data: 'after' });
    await tab.expectNothing();
    for (const data of ['sooner', 'later']) await other.expectPublication({ data });
  });

  test('are of no use to a client that has gone', async () => {
    const gate = deferred<boolean>();
    const { server, clock, connect } = await createHarness({
      channels: { slow: { canSubscribe: () => gate.promise } },
    });
    const tab = await connect(1);
    tab.request({ op: 'subscribe', channels: ['slow'] });
    await clock.settle();
    tab.close();
    await clock.settle();
    gate.resolve(true);
    await clock.settle();
    expect([server.stats().channels, clock.pendingTimers > 0]).toEqual([0, true]);
  });
});

function fail(): never {
  throw new Error('broken');
}
