import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { bothLogs, withLog } from '../../test/logs.ts';
import type { Publication } from '../index.ts';

const open = { canSubscribe: () => true, canPublish: () => true } as const;

describe.each(bothLogs)('the server’s own view of a filter, with a log that answers %s,', (answers) => {
  test('is what all channels that it fits deliver, whatever their policies, as long as that is wanted', async () => {
    const { server, connect, until } = await createHarness({
      ...withLog(answers).options,
      channels: {
        'sensors/#': { ...open, schema: z.object({ celsius: z.coerce.number() }) },
        'sensors/a/#': open,
      },
    });
    const tab = await connect(1);
    const heard: Publication[] = [];
    const subscription = server.channel('sensors/+/heat').publications$.subscribe((each) => heard.push(each));
    const other: string[] = [];
    const rest = server.channel('#').publications$.subscribe(({ channel }) => other.push(channel));
    await tab.expectReply(
      tab.request({
        op: 'publish',
        channel: 'sensors/b/heat',
        data: { celsius: '21.5' },
        meta: { from: 'b' },
      }),
    );
    await until(server.publish('sensors/a/heat', 'anything', { exclude: tab.clientId }));
    await until(server.publish('sensors/a/light', 1));
    await until(server.publish('of/no/policy', 1));
    expect(heard).toMatchObject([
      { channel: 'sensors/b/heat', data: { celsius: 21.5 }, from: { userId: '1' }, meta: { from: 'b' } },
      { channel: 'sensors/a/heat', data: 'anything' },
    ]);
    expect(heard[0]?.position.offset).toBe(1);
    expect(other).toEqual(['sensors/b/heat', 'sensors/a/heat', 'sensors/a/light', 'of/no/policy']);
    for (const each of [subscription, rest]) each.unsubscribe();
    await until(server.publish('sensors/a/heat', 'later'));
    expect(heard).toHaveLength(2);
    const { channels } = server.stats();
    await until(server.publish('sensors/new/heat', { celsius: 1 }));
    expect(server.stats().channels).toBe(channels);
  });
});

test('of a filter there is nothing else', async () => {
  const { server } = await createHarness();
  const filter = server.channel('a/#');
  expect([filter.name, filter.subscribers.size]).toEqual(['a/#', 0]);
  await expect(filter.history()).rejects.toThrow('not one channel but a filter: a/#');
  expect(() => filter.forgetLast()).toThrow(TypeError);
  expect(() => server.channel('a/#/b')).toThrow(TypeError);
});

test('a subscriber that throws is nobody else’s failure', async () => {
  const { server } = await createHarness();
  const heard: unknown[] = [];
  server.channel('+').publications$.subscribe(() => {
    throw new Error('of the application');
  });
  server.channel('+').publications$.subscribe(({ data }) => heard.push(data));
  await server.publish('a', 1);
  expect(heard).toEqual([1]);
});
