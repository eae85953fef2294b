import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { deferred } from '../test/deferred.ts';
import { bothLogs, type SlowLog, withLog } from '../test/logs.ts';

describe.each(bothLogs)('a session, with a log that answers %s,', (answers) => {
  const harness = (maxEntries?: number) =>
    createHarness({ ...withLog(answers, maxEntries).options, canSend: () => true });

  test('survives a lost connection: what was sent meanwhile arrives in order, once', async () => {
    const { server, connect } = await harness();
    const [tab, other, stranger] = [await connect(1), await connect(1), await connect(2)];
    tab.cut();
    await other.expectReply(other.broadcast({ type: 'A' }));
    await stranger.expectReply(stranger.send({ type: 'B' }, 1));
    await server.sendToUser(1, { type: 'C' });

    const connected = await tab.resume();
    expect(connected).toMatchObject({ resumed: true, clientId: tab.clientId });
    expect(connected.streams.$inbox?.recovered).toBe(true);
    const from = { userId: '1', clientId: other.clientId };
    expect(await tab.expectMessage({ type: 'A' })).toMatchObject({ from });
    await tab.expectMessage({ type: 'B' });
    expect(await tab.expectMessage({ type: 'C' })).not.toHaveProperty('from');
    await tab.expectNothing();

    for (const type of ['B', 'C']) await other.expectMessage({ type });
    await other.expectNothing();
    await server.sendToUser(1, { type: 'D' });
    await tab.expectMessage({ type: 'D' });
  });

  test('brings again what was on its way when the link was lost', async () => {
    const { server, connect } = await harness();
    const tab = await connect(1);
    await server.sendToUser(1, { type: 'A' });
    tab.cut();
    await tab.resume();
    await tab.expectMessage({ type: 'A' });
    tab.cut();
    await tab.resume();
    await tab.expectNothing();
  });

  test('does not bring what it sent itself', async () => {
    const { server, connect } = await harness();
    const [tab, other] = [await connect(1), await connect(1)];
    await tab.expectReply(tab.broadcast({ type: 'MINE' }));
    await other.expectMessage({ type: 'MINE' });
    tab.cut();
    await server.sendToUser(1, { type: 'A' });
    await tab.resume();
    await tab.expectMessage({ type: 'A' });
    await tab.expectNothing();
  });

  test('lasts as long as the resume window, and not longer', async () => {
    const { server, clock, connect } = await harness();
    const [tab, late, witness] = [await connect(1), await connect(1), await connect(1)];
    tab.cut();
    late.cut();
    await clock.advanceAsync(59_999);
    expect((await tab.resume()).resumed).toBe(true);
    await clock.advanceAsync(1);
    expect(server.stats().clients).toEqual({ online: 2, resumable: 0, connecting: 0 });

    await server.sendToUser(1, { type: 'A' });
    const before = late.position;
    const connected = await late.resume();
    expect(connected.resumed).toBe(false);
    expect(connected.streams.$inbox?.recovered).toBe(false);
    expect(connected.clientId).not.toBe(witness.clientId);
    await late.expectGap({ stream: '$inbox', reason: 'session', ...(before && { from: before }) });
    await late.expectNothing();
  });

  test('begins anew in a fresh epoch where the user was gone too', async () => {
    const { server, clock, connect } = await harness();
    const tab = await connect(1);
    const { epoch } = tab.position ?? {};
    tab.cut();
    await clock.advanceAsync(60_000);
    expect(server.users.size).toBe(0);
    const { resumed, streams } = await tab.resume();
    expect([resumed, streams.$inbox?.offset]).toEqual([false, 0]);
    expect(streams.$inbox?.epoch).not.toBe(epoch);
    await tab.expectGap({ reason: 'session' });
  });

  test('says what was evicted before it came back', async () => {
    const { server, connect } = await harness(2);
    const tab = await connect(1);
    tab.cut();
    for (const type of ['A', 'B', 'C', 'D']) await server.sendToUser(1, { type });
    const { streams } = await tab.resume();
    expect(streams.$inbox?.recovered).toBe(false);
    const { epoch } = streams.$inbox ?? {};
    await tab.expectGap({
      from: { epoch, offset: 0 },
      to: { epoch, offset: 2 },
      reason: 'evicted',
    } as object);
    await tab.expectMessage({ type: 'C' });
    await tab.expectMessage({ type: 'D' });
    await tab.expectNothing();
  });

  test('ends with a clean close', async () => {
    const { server, connect } = await harness();
    const tab = await connect(1);
    tab.close();
    expect(server.stats().clients).toEqual({ online: 0, resumable: 0, connecting: 0 });
    expect((await tab.resume()).resumed).toBe(false);
  });

  test('is taken over by a newer connection, and the older one’s late end does no harm', async () => {
    const { server, clock, connect, client } = await harness();
    const old = await connect(1);
    const taken = client(1, { resume: old.resumption });
    expect((await taken.connect()).resumed).toBe(true);
    await old.expectClose('REPLACED');

    taken.wire.freeze();
    const newest = client(1, { resume: taken.resumption });
    await newest.connect();
    expect(taken.closed).toBeUndefined();
    await clock.advanceAsync(6_000);
    expect(taken.closed?.code).toBe(1006);
    expect(server.stats().clients).toEqual({ online: 1, resumable: 0, connecting: 0 });
    expect([...server.users.values()][0]?.clients.size).toBe(1);
    await server.sendToUser(1, { type: 'A' });
    await newest.expectMessage({ type: 'A' });
    await newest.expectNothing();
  });

  test('goes to the newest of several connections that ask for it at once', async () => {
    const { server, clock, connect, client } = await harness();
    const old = await connect(1);
    await server.sendToUser(1, { type: 'A' });
    old.cut();
    const rivals = [1, 2, 3].map(() => client(1, { resume: old.resumption }));
    for (const rival of rivals) await rival.dial();
    await clock.settle();
    expect(rivals.map((each) => each.closed?.code)).toEqual([3506, 3506, undefined]);
    expect((await rivals[2]?.expectConnected())?.resumed).toBe(true);
    await rivals[2]?.expectMessage({ type: 'A' });
    expect(server.stats().clients).toEqual({ online: 1, resumable: 0, connecting: 0 });
  });

  test('is not taken over by an older connection that was longer on its way', async () => {
    const verdict = deferred<boolean>();
    const { clock, connect, client } = await createHarness({
      ...withLog(answers).options,
      verifyClient: ({ device }) => (device === 'slowly verified' ? verdict.promise : true),
    });
    const old = await connect(1);
    const { resumption: resume } = old;
    old.cut();
    const silent = client(1);
    await silent.open();
    const slow = client(1, { resume, device: 'slowly verified' });
    await slow.dial();
    const newest = client(1, { resume });
    await newest.connect();

    verdict.resolve(true);
    silent.raw(JSON.stringify({ op: 'connect', version: 1, userId: 1, resume }));
    await clock.settle();
    expect([silent, slow, newest].map(({ closed }) => closed?.code)).toEqual([3506, 3506, undefined]);
    newest.cut();
    expect((await newest.resume()).resumed).toBe(true);
  });
});

test('a session whose window ends while its recovery waits for the log goes on, or does not, but never half', async () => {
  const { log, options } = withLog('later');
  const { server, clock, connect, client, errors } = await createHarness(options);
  const [tab, other] = [await connect(1), await connect(1)];
  tab.cut();
  await server.sendToUser(1, { type: 'A' });
  await clock.advanceAsync(59_000);
  const release = (log as SlowLog).hold();
  const back = client(1, { resume: tab.resumption });
  await back.dial();
  await clock.advanceAsync(2_000);
  release();
  await back.expectConnected();
  const clients = [...(server.users.get('1')?.clients ?? [])];
  expect(clients.map(({ id }) => id).sort()).toEqual([other.clientId, back.clientId].sort());
  expect(clients.map(({ online }) => online)).toEqual([true, true]);
  other.broadcast({ type: 'B' });
  await clock.settle();
  expect(back.frames.map((frame) => frame.op)).toContain('message');
  expect(errors).toEqual([]);
});
