import { ReplyError } from '@callboard/protocol';
import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { type Deferred, deferred } from '../test/deferred.ts';
import { bothLogs, withLog } from '../test/logs.ts';

describe.each(bothLogs)('a request that is sent again, with a log that answers %s,', (answers) => {
  const running: Deferred<unknown>[] = [];
  const harness = async (limits = {}) => {
    running.length = 0;
    let ran = 0;
    const made = await createHarness({
      ...withLog(answers).options,
      limits,
      canSend: () => true,
      handlers: {
        COUNT: () => ++ran,
        FAIL: () => {
          throw new ReplyError('FULL', { message: `failed ${++ran} times` });
        },
        LATER: () => {
          const answer = deferred<unknown>();
          running.push(answer);
          return answer.promise;
        },
      },
    });
    return { ...made, ran: () => ran };
  };
  const again = (mid: number, type: string) => ({ op: 'call' as const, mid, action: { type } });

  test('joins the one that runs', async () => {
    const { connect } = await harness();
    const tab = await connect(1);
    const mid = tab.call({ type: 'LATER' });
    tab.request(again(mid, 'LATER'));
    tab.cut();
    await tab.resume();
    expect(running).toHaveLength(1);
    running[0]?.resolve('done');
    expect(await tab.expectReply(mid)).toBe('done');
    await tab.expectNothing();
  });

  test('gets the reply that was lost, without running again', async () => {
    const { connect, clock, ran } = await harness();
    const tab = await connect(1);
    const mid = tab.call({ type: 'COUNT' });
    tab.cut();
    await clock.settle();
    await tab.resume();
    expect([await tab.expectReply(mid), ran()]).toEqual([1, 1]);
    expect([await tab.expectReply(tab.request(again(mid, 'COUNT'))), ran()]).toEqual([1, 1]);
    await tab.expectNothing();
  });

  test('gets the handler’s error again', async () => {
    const { connect, ran } = await harness();
    const tab = await connect(1);
    const mid = tab.call({ type: 'FAIL' });
    await tab.expectError(mid, 'FULL');
    tab.cut();
    await tab.resume();
    tab.request(again(mid, 'FAIL'));
    expect(await tab.expectError(mid, 'FULL')).toMatchObject({ message: 'failed 1 times' });
    expect(ran()).toBe(1);
  });

  test('is done again where it was refused', async () => {
    let open = false;
    const { connect } = await createHarness({ ...withLog(answers).options, canSend: () => open });
    const [tab, other] = [await connect(1), await connect(2)];
    const mid = tab.send({ type: 'A' }, 2);
    await tab.expectError(mid, 'FORBIDDEN');
    open = true;
    await tab.expectReply(tab.request({ op: 'send', mid, action: { type: 'A' }, to: ['2'] }));
    await other.expectMessage({ type: 'A' });
    await other.expectNothing();
  });

  test('is refused on the connection by which it came last, and done anew where it comes after that', async () => {
    const asked: Deferred<boolean>[] = [];
    const { clock, connect } = await createHarness({
      ...withLog(answers).options,
      canSend: () => {
        const answer = deferred<boolean>();
        asked.push(answer);
        return answer.promise;
      },
    });
    const [tab, other] = [await connect(1), await connect(2)];
    const first = tab.send({ type: 'A' }, 2);
    tab.cut();
    await tab.resume();
    asked[0]?.resolve(false);
    await tab.expectError(first, 'FORBIDDEN');

    const second = tab.send({ type: 'B' }, 2);
    tab.cut();
    await tab.connect({ resume: tab.resumption });
    asked[1]?.resolve(false);
    await clock.settle();
    await tab.expectNothing();
    tab.request({ op: 'send', mid: second, action: { type: 'B' }, to: ['2'] });
    asked[2]?.resolve(true);
    await tab.expectReply(second);
    await other.expectMessage({ type: 'B' });
    expect(asked).toHaveLength(3);
  });

  test('does not append a broadcast or a send twice', async () => {
    const { connect, clock } = await harness();
    const [tab, other] = [await connect(1), await connect(1)];
    tab.broadcast({ type: 'A' });
    tab.send({ type: 'B' }, 1);
    tab.cut();
    await clock.settle();
    await tab.resume();
    await tab.expectReply(1);
    await tab.expectReply(2);
    expect((await tab.expectMessage({ type: 'B' })).from?.clientId).toBe(tab.clientId);
    await tab.expectNothing();
    for (const type of ['A', 'B']) await other.expectMessage({ type });
    await other.expectNothing();
  });

  test('is OUTCOME_UNKNOWN once the client has confirmed it', async () => {
    const { connect, ran } = await harness();
    const tab = await connect(1);
    const mid = tab.call({ type: 'COUNT' });
    await tab.expectReply(mid);
    tab.raw(JSON.stringify({ op: 'pong', settled: mid }));
    await tab.expectError(tab.request(again(mid, 'COUNT')), 'OUTCOME_UNKNOWN');
    expect(ran()).toBe(1);
  });

  test('is OUTCOME_UNKNOWN in a new session, up to the highest mid of the old one', async () => {
    const { connect, clock, ran } = await harness();
    const tab = await connect(1);
    await tab.expectReply(tab.call({ type: 'COUNT' }));
    tab.cut();
    const lost = [tab.call({ type: 'COUNT' }), tab.call({ type: 'COUNT' })];
    await clock.advanceAsync(60_000);
    expect((await tab.resume()).resumed).toBe(false);
    for (const mid of lost) await tab.expectError(mid, 'OUTCOME_UNKNOWN');
    expect(ran()).toBe(1);
    expect(await tab.expectReply(tab.call({ type: 'COUNT' }))).toBe(2);
  });

  test('is OUTCOME_UNKNOWN where too many came after it', async () => {
    const { connect, ran } = await harness({ maxOutcomes: 2 });
    const tab = await connect(1);
    const mids = [1, 2, 3].map(() => tab.call({ type: 'COUNT' }));
    for (const mid of mids) await tab.expectReply(mid);
    await tab.expectError(tab.request(again(1, 'COUNT')), 'OUTCOME_UNKNOWN');
    expect(await tab.expectReply(tab.request(again(3, 'COUNT')))).toBe(3);
    expect(ran()).toBe(3);
  });

  test('is told of the time-out again, and of a late answer instead once that is there', async () => {
    const { connect, clock } = await harness();
    const tab = await connect(1);
    const mid = tab.call({ type: 'LATER' });
    await clock.advanceAsync(29_999);
    await tab.expectNothing();
    await clock.advanceAsync(1);
    await tab.expectError(mid, 'HANDLER_TIMEOUT');
    await tab.expectError(tab.request(again(mid, 'LATER')), 'HANDLER_TIMEOUT');
    expect(running).toHaveLength(1);
    tab.cut();
    running[0]?.resolve('at last');
    await tab.resume();
    expect(await tab.expectReply(tab.request(again(mid, 'LATER')))).toBe('at last');
  });

  test('finds nothing of a handler that answers after its session has ended', async () => {
    const { connect, clock, errors, server } = await harness();
    const tab = await connect(1);
    const mid = tab.call({ type: 'LATER' });
    tab.cut();
    await clock.advanceAsync(60_000);
    running[0]?.resolve('nobody there');
    await clock.settle();
    await tab.resume();
    await tab.expectError(mid, 'OUTCOME_UNKNOWN');
    expect([errors, server.stats().requests.running]).toEqual([[], 0]);
  });
});
