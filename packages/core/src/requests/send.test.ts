import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { deferred } from '../../test/deferred.ts';

describe('a broadcast', () => {
  test('reaches the user’s other clients, and nobody else', async () => {
    const { connect } = await createHarness();
    const [tab, phone, tablet, stranger] = [
      await connect(44),
      await connect('44'),
      await connect(44),
      await connect(12),
    ];
    await tab.expectReply(tab.broadcast({ type: 'A', n: 1 }));
    const from = { userId: '44', clientId: tab.clientId };
    for (const client of [phone, tablet])
      expect(await client.expectMessage({ type: 'A', n: 1 })).toMatchObject({ from });
    for (const client of [tab, phone, tablet, stranger]) await client.expectNothing();
  });
});

describe('a send', () => {
  test('reaches all clients of each user named, once, and the sender’s own where they are', async () => {
    const { connect } = await createHarness({ canSend: () => true });
    const [tab, phone, one, two] = [await connect(44), await connect(44), await connect(1), await connect(2)];
    await tab.expectReply(tab.send({ type: 'A' }, [1, '1', 44, 2, 1]));
    for (const client of [tab, phone, one, two]) {
      const { from } = await client.expectMessage({ type: 'A' });
      expect(from).toEqual({ userId: '44', clientId: tab.clientId });
      await client.expectNothing();
    }
  });

  test('takes 44 and "44" for the same user', async () => {
    const { server, connect } = await createHarness();
    const tab = await connect(44);
    const other = await connect('44');
    expect([...server.users.keys()]).toEqual(['44']);
    tab.raw('{"op":"send","mid":1,"action":{"type":"A"},"to":44}');
    tab.raw('{"op":"send","mid":2,"action":{"type":"B"},"to":["44",44]}');
    for (const client of [tab, other]) {
      await client.expectMessage({ type: 'A' });
      await client.expectMessage({ type: 'B' });
    }
    await tab.expectReply(1);
    await tab.expectReply(2);
    await server.sendToUser([44, '44'], { type: 'C' });
    for (const client of [tab, other]) {
      await client.expectMessage({ type: 'C' });
      await client.expectNothing();
    }
  });

  test('to nobody who is there is accepted', async () => {
    const { server, connect } = await createHarness({ canSend: () => true });
    const tab = await connect(1);
    await tab.expectReply(tab.send({ type: 'A' }, ['nobody', 'no one']));
    await server.sendToUser('nobody', { type: 'A' });
    expect(server.users.size).toBe(1);
    expect((await connect('nobody')).frames).toHaveLength(1);
  });

  test('across users is FORBIDDEN without canSend, as a whole', async () => {
    const { connect } = await createHarness();
    const [tab, other] = [await connect(1), await connect(2)];
    await tab.expectError(tab.send({ type: 'A' }, [1, 2]), 'FORBIDDEN');
    await tab.expectReply(tab.send({ type: 'B' }, 1));
    await tab.expectMessage({ type: 'B' });
    await other.expectNothing();
  });

  test.each<[string, (no: boolean) => boolean | Promise<boolean>]>([
    ['at once', (no) => !no],
    ['later', async (no) => !no],
  ])('asks canSend once for each other recipient, which answers %s', async (_, answer) => {
    const asked: unknown[] = [];
    const { connect } = await createHarness({
      canSend: ({ user, client, to, action }) => {
        asked.push([user.id, client.id, to, action.type]);
        return answer(action.type === 'NO' && to === '3');
      },
    });
    const [tab, two] = [await connect(1), await connect(2)];
    await tab.expectReply(tab.send({ type: 'YES' }, [1, 2, 3]));
    await tab.expectError(tab.send({ type: 'NO' }, [1, 2, 3]), 'FORBIDDEN');
    expect(asked).toEqual(
      ['YES', 'NO'].flatMap((type) => ['2', '3'].map((to) => ['1', tab.clientId, to, type])),
    );
    await two.expectMessage({ type: 'YES' });
    await two.expectNothing();
  });

  test.each<[string, () => never | Promise<never>]>([
    ['throws', () => fail()],
    ['rejects', async () => fail()],
  ])('is refused and logged where canSend %s', async (_, canSend) => {
    const { connect, logs } = await createHarness({ canSend });
    const [tab, other] = [await connect(1), await connect(2)];
    const { message } = await tab.expectError(tab.send({ type: 'A' }, 2), 'INTERNAL');
    expect(message).not.toContain('broken');
    expect(logs.filter(({ level }) => level === 'error')).toMatchObject([
      { fields: { cause: new Error('broken') } },
    ]);
    await other.expectNothing();
  });

  test('is CHECK_TIMEOUT where canSend does not answer, and may be sent again', async () => {
    let answer: Promise<boolean> | boolean = new Promise<boolean>(() => {});
    const { connect, clock } = await createHarness({ canSend: () => answer });
    const [tab, other] = [await connect(1), await connect(2)];
    const mid = tab.send({ type: 'A' }, 2);
    await clock.advanceAsync(30_000);
    expect(await tab.expectError(mid, 'CHECK_TIMEOUT')).toMatchObject({ retryable: true });
    answer = true;
    await tab.expectReply(tab.request({ op: 'send', mid, action: { type: 'A' }, to: ['2'] }));
    await other.expectMessage({ type: 'A' });
    await other.expectNothing();
  });

  test('keeps the order of its client’s sends where canSend is slow for the first', async () => {
    const first = deferred<boolean>();
    const { connect } = await createHarness({
      canSend: ({ action }) => (action.type === 'FIRST' ? first.promise : true),
      handlers: { CALL: () => 'done' },
    });
    const [tab, quick, other] = [await connect(1), await connect(3), await connect(2)];
    const mids = [
      tab.send({ type: 'FIRST' }, 2),
      tab.send({ type: 'SECOND' }, 2),
      tab.call({ type: 'CALL' }),
    ];
    await tab.expectNothing();
    await quick.expectReply(quick.send({ type: 'OF_ANOTHER' }, 2));
    first.resolve(true);
    for (const mid of mids) await tab.expectReply(mid);
    for (const type of ['OF_ANOTHER', 'FIRST', 'SECOND']) await other.expectMessage({ type });
  });

  test('names 1,000 users at most', async () => {
    const { connect } = await createHarness({ canSend: () => true });
    const tab = await connect(1);
    const many = Array.from({ length: 1_001 }, (_, i) => i);
    await tab.expectError(tab.send({ type: 'A' }, many), 'TOO_MANY_RECIPIENTS');
    await tab.expectReply(tab.send({ type: 'A' }, many.slice(1)));
  });
});

test('sendToUser refuses what is no user id, before anything is sent', async () => {
  const { server, connect } = await createHarness();
  const tab = await connect(1);
  await expect(server.sendToUser([1, ''], { type: 'A' })).rejects.toThrow(TypeError);
  await expect(server.sendToUser({} as never, { type: 'A' })).rejects.toThrow('not a user id');
  await tab.expectNothing();
});

function fail(): never {
  throw new Error('broken');
}
