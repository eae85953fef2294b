import { type ConnectFrame, LevelTrie, type Position } from '@callboard/protocol';
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ChannelStage, resumedWith } from '../test/channel-stage.ts';
import { standing } from '../test/requests-stage.ts';
import { resumed } from '../test/scripted-client.ts';
import { connected, limits, streamAt } from '../test/scripted-transport.ts';
import { failure } from '../test/support.ts';

let stage: ChannelStage;
beforeEach(async () => {
  stage = new ChannelStage();
  await stage.online();
});

describe('a filter', () => {
  test('is asked for, heard, and left', async () => {
    const { channel, heard, off } = stage.hear('a/+');
    expect(await standing(channel.joined())).toBe('pending');
    expect(await stage.asked()).toEqual(['subscribe a/+']);
    await stage.grant('a/+');
    await channel.joined();
    stage.publication('a/b', 4);
    stage.publication('a/c', 1);
    stage.publication('x', 1);
    expect(heard).toEqual([4, 1]);
    off();
    expect(await stage.asked()).toEqual(['unsubscribe a/+']);
    stage.publication('a/b', 5);
    await stage.grant('a/+');
    await channel.leave();
    expect([heard, await stage.asked()]).toEqual([[4, 1], []]);
  });

  test('stays after a resume without being asked for, and begins anew in a new session', async () => {
    const { heard } = await stage.joined('a/#');
    stage.publication('a', 1);
    await stage.relink(resumedWith('a/#'));
    stage.publication('a', 1, { retained: true, ageMs: 5 });
    stage.publication('a', 2);
    expect([heard, await stage.asked()]).toEqual([[1, 'last 1', 2], []]);
    expect(stage.server.frames[0]).toMatchObject({ resume: { positions: { $inbox: {} } } });
    expect(stage.server.frames[0]).not.toHaveProperty('resume.positions.a/#');
    await stage.relink({ session: 'secret-3' });
    expect(await stage.asked()).toEqual(['subscribe a/#']);
    stage.publication('a', 3);
    await stage.grant('a/#');
    stage.publication('a', 4);
    expect(heard.slice(3)).toEqual([4]);
  });

  test('tells of gaps of the channels that it fits', async () => {
    const { heard } = await stage.joined('a/#');
    const { heard: all } = await stage.joined('#');
    const [from, to] = [1, 3].map((offset) => ({ epoch: 'epoch-1', offset }));
    for (const stream of ['a', 'b', '$inbox'])
      stage.receive({ op: 'gap', stream, from, to, reason: 'conflated' } as never);
    expect([heard, all]).toEqual([['gap 1–3'], ['gap 1–3', 'gap 1–3']]);
  });
});

describe('a subscribe whose reply is lost', () => {
  test('counts as granted where the resumed session has it: what it recovers comes before the reply', async () => {
    const filter = await stage.joined('a/+');
    const exact = stage.hear('a/b');
    await stage.asked();
    await stage.relink(resumedWith('a/b', 'a/+'));
    for (const offset of [8, 9]) stage.publication('a/b', offset);
    expect(await stage.asked()).toEqual(['subscribe a/b']);
    expect(await standing(exact.channel.joined())).toBe('pending');
    await stage.grant('a/b', 7);
    stage.publication('a/b', 10);
    expect([filter.heard, exact.heard]).toEqual([
      [8, 9, 10],
      [8, 9, 10],
    ]);
    await exact.channel.joined();
  });

  test('is certain only after another round where it has not: its answer may be older than its end', async () => {
    const filter = await stage.joined('a/+');
    const exact = stage.hear('a/b');
    await stage.asked();
    await stage.relink(resumedWith('a/+'));
    stage.publication('a/b', 8);
    await stage.grant('a/b', 8);
    for (const offset of [8, 9]) stage.publication('a/b', offset);
    expect(await stage.asked()).toEqual(['unsubscribe a/b']);
    await stage.grant('a/b');
    expect(await stage.asked()).toEqual(['subscribe a/b']);
    await stage.grant('a/b', 9);
    stage.publication('a/b', 10);
    expect([filter.heard, exact.heard]).toEqual([[8, 9, 10], [10]]);
  });

  test('whose end was lost with the connection is asked for again', async () => {
    const { heard } = await stage.joined('a', 5);
    await stage.relink(resumedWith());
    expect(await stage.asked()).toEqual(['subscribe a 5']);
    stage.unsubscribed('a', 'FORBIDDEN');
    await stage.refuse('a', 'FORBIDDEN');
    expect([heard, stage.logs]).toEqual([['FORBIDDEN'], ['warn: a channel was refused']]);
    expect(await stage.asked()).toEqual([]);
  });

  test('is asked for at once in a new session, with the position', async () => {
    const exact = await stage.joined('a', 5);
    for (const session of ['secret-2', 'secret-3']) {
      await stage.relink({ session });
      expect(await stage.asked()).toEqual(['subscribe a 5']);
    }
    await stage.grant('a', 6);
    stage.publication('a', 6);
    expect(exact.heard).toEqual([6]);
  });
});

describe('who comes after all have left', () => {
  test('begins anew, also where the server could not be told', async () => {
    const first = await stage.joined('a', 5);
    stage.publication('a', 6);
    stage.server.cut();
    first.off();
    const second = stage.hear('a');
    void stage.client.connect();
    await stage.opened();
    stage.receive(connected(resumedWith('a')));
    stage.publication('a', 7);
    expect(await stage.asked()).toEqual(['unsubscribe a']);
    await stage.grant('a');
    expect(await stage.asked()).toEqual(['subscribe a']);
    await stage.grant('a', 7);
    stage.publication('a', 7, { retained: true, ageMs: 5 });
    expect([first.heard, second.heard]).toEqual([[6], ['last 7']]);
  });

  test('has nothing to do with how the server ended it for those before', async () => {
    const first = await stage.joined('a', 5);
    first.off();
    expect(await stage.asked()).toEqual(['unsubscribe a']);
    const second = stage.hear('a');
    stage.unsubscribed('a', 'FORBIDDEN');
    await stage.grant('a');
    expect(await stage.asked()).toEqual(['subscribe a']);
    await stage.grant('a', 9);
    stage.publication('a', 10);
    expect(second.heard).toEqual([10]);
  });

  test('does not have what those before have missed', async () => {
    const first = await stage.joined('a', 5);
    await stage.relink({ session: 'secret-2' });
    expect(await stage.asked()).toEqual(['subscribe a 5']);
    first.off();
    const second = stage.hear('a');
    await stage.grant('a', 7);
    for (const offset of [6, 7]) stage.publication('a', offset);
    expect(await stage.asked()).toEqual(['unsubscribe a']);
    await stage.grant('a');
    expect(await stage.asked()).toEqual(['subscribe a']);
    await stage.grant('a', 7);
    stage.publication('a', 8);
    expect([first.heard, second.heard]).toEqual([[], [8]]);
  });

  test('has the subscribe of those before, where that begins at the head', async () => {
    const first = stage.hear('a');
    expect(await stage.asked()).toEqual(['subscribe a']);
    first.off();
    const second = stage.hear('a');
    await stage.grant('a', 7);
    stage.publication('a', 8);
    expect([await stage.asked(), first.heard, second.heard]).toEqual([[], [], [8]]);
  });
});

describe('a subscribe that is not answered', () => {
  test('is undone before it is asked for again, and goes on where it was', async () => {
    const filter = await stage.joined('a/+');
    const exact = await stage.joined('a/b', 5);
    await stage.relink({ session: 'secret-2' });
    await stage.asked();
    await stage.grant('a/+');
    const wait = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 1_000) {
        await stage.clock.advanceAsync(1_000);
        stage.receive({ op: 'ping' });
      }
    };
    await wait(35_000);
    expect(await stage.asked()).toEqual([]);
    await wait(1_000);
    expect(await stage.asked()).toEqual(['unsubscribe a/b']);
    for (const offset of [6, 7]) stage.publication('a/b', offset);
    await stage.grant('a/b');
    expect(await stage.asked()).toEqual(['subscribe a/b 5']);
    await stage.grant('a/b', 7);
    for (const offset of [6, 7, 8]) stage.publication('a/b', offset);
    expect([filter.heard, exact.heard]).toEqual([
      [6, 7, 8],
      [6, 7, 8],
    ]);
  });

  test('is one request still when the session is another one: those that wait are not asked for twice', async () => {
    stage = new ChannelStage();
    await stage.online({ limits: { ...limits, maxPendingRequests: 1 } });
    stage.hear('a');
    stage.hear('b');
    expect(await stage.asked()).toEqual(['subscribe a']);
    await stage.relink({ session: 'secret-2' });
    expect((await stage.asked()).sort()).toEqual(['subscribe a', 'subscribe b']);
  });
});

describe('a refusal', () => {
  test('is told, is logged, fails who waits, and is asked about again when all have left, or by a retry', async () => {
    const { channel, heard, off } = stage.hear('a');
    const joined = failure(channel.joined());
    await stage.refuse('a', 'FORBIDDEN');
    expect(await joined).toMatchObject({ code: 'FORBIDDEN', effect: 'none', action: { type: 'subscribe' } });
    expect([heard, stage.logs, await stage.asked()]).toEqual([
      ['FORBIDDEN'],
      ['warn: a channel was refused'],
      [],
    ]);
    const retry = (await joined).retry();
    expect(await stage.asked()).toEqual(['subscribe a']);
    await stage.refuse('a', 'FORBIDDEN');
    expect(await standing(retry)).toBe('FORBIDDEN, effect none');
    off();
    stage.hear('a');
    await stage.grant('a');
    await channel.joined();
  });

  test('ends with the session', async () => {
    const { channel } = stage.hear('a');
    await stage.refuse('a', 'TOO_MANY_CHANNELS');
    await stage.relink(resumedWith());
    expect(await stage.asked()).toEqual([]);
    await stage.relink({ session: 'secret-3' });
    await stage.grant('a');
    await channel.joined();
  });
});

describe('what the server has ended', () => {
  test('for good is refused, and is over: nothing of it counts, and there is no way back to it', async () => {
    const { channel, heard, off } = await stage.joined('a', 5);
    stage.publication('a', 6);
    stage.unsubscribed('a', 'FORBIDDEN');
    stage.publication('a', 7);
    expect([heard, stage.logs]).toEqual([[6, 'FORBIDDEN'], ['warn: a channel was refused']]);
    expect(await standing(channel.joined())).toBe('FORBIDDEN, effect none');
    await stage.clock.advanceAsync(5_000);
    expect(await stage.asked()).toEqual([]);
    off();
    await channel.leave();
    stage.hear('a');
    expect(await stage.asked()).toEqual(['subscribe a']);
    await stage.grant('a', 7);
    stage.publication('a', 8);
    stage.unsubscribed('a', 'FORBIDDEN');
    await stage.relink({ session: 'secret-2' });
    expect(await stage.asked()).toEqual(['subscribe a']);
  });

  test.each(['UNAVAILABLE', 'LATER'])('for now (%s) is asked for again in a second', async (code) => {
    const { channel, heard } = await stage.joined('a', 5);
    const filter = await stage.joined('#');
    stage.publication('a', 6);
    stage.receive({ op: 'unsubscribed', channels: ['a', '#', 'b'], code, message: code, retryable: true });
    stage.publication('a', 7);
    expect(await standing(channel.joined())).toBe('pending');
    await stage.clock.advanceAsync(999);
    expect(await stage.asked()).toEqual([]);
    await stage.clock.advanceAsync(1);
    expect(await stage.asked()).toEqual(['subscribe a 6', 'subscribe #']);
    await stage.grant('a', 7);
    await stage.grant('#');
    stage.publication('a', 7);
    expect([heard, filter.heard, stage.logs]).toEqual([[6, 7], [6], []]);
    await channel.joined();
  });

  test('for now is asked for as soon as there is another connection, and not twice', async () => {
    await stage.joined('a', 5);
    stage.unsubscribed('a', 'UNAVAILABLE', true);
    await stage.relink(resumedWith());
    expect(await stage.asked()).toEqual(['subscribe a 5']);
    await stage.clock.advanceAsync(2_000);
    expect(await stage.asked()).toEqual([]);
  });

  test('while it is left: it is left all the same, and may be wanted again', async () => {
    const { channel, off } = await stage.joined('a', 5);
    off();
    await stage.asked();
    const again = stage.hear('a');
    stage.unsubscribed('a', 'FORBIDDEN');
    await stage.grant('a');
    expect([again.heard, await stage.asked()]).toEqual([[], ['subscribe a']]);
    await stage.grant('a', 8);
    await channel.joined();
  });

  test('while the answer that it was granted is on its way again: that answer is old', async () => {
    const { channel, heard } = stage.hear('a');
    await stage.asked();
    await stage.relink(resumedWith('a'));
    await stage.asked();
    stage.unsubscribed('a', 'FORBIDDEN');
    await stage.grant('a', 5);
    stage.publication('a', 6);
    expect(heard).toEqual(['FORBIDDEN']);
    expect(await stage.asked()).toEqual(['unsubscribe a']);
    await stage.grant('a');
    expect(await standing(channel.joined())).toBe('FORBIDDEN, effect none');
    expect(await stage.asked()).toEqual([]);
  });

  test('before the answer came: it is certain only after another round', async () => {
    const { channel, heard } = stage.hear('a');
    await stage.asked();
    stage.unsubscribed('a', 'CHECK_TIMEOUT', true);
    await stage.grant('a', 5);
    stage.publication('a', 6);
    expect(await stage.asked()).toEqual(['unsubscribe a']);
    await stage.grant('a');
    expect(await stage.asked()).toEqual(['subscribe a']);
    await stage.grant('a', 6);
    stage.publication('a', 7);
    expect(heard).toEqual([7]);
    await channel.joined();
  });

  test('right after it was granted: in the same turn, too', async () => {
    const { heard } = stage.hear('a');
    const [frame] = stage.server.take();
    if (frame?.op !== 'subscribe') throw new Error('nothing was asked');
    const streams = { a: streamAt('a', 5) };
    stage.receive({ op: 'reply', mid: frame.mid, result: { streams } });
    stage.publication('a', 6);
    stage.unsubscribed('a', 'FORBIDDEN');
    expect(await stage.asked()).toEqual([]);
    expect(heard).toEqual([6, 'FORBIDDEN']);
  });

  test('is no news where it is not there', async () => {
    const { heard, off } = await stage.joined('a');
    off();
    await stage.grant('a');
    stage.unsubscribed('a', 'FORBIDDEN');
    stage.unsubscribed('never', 'FORBIDDEN');
    expect([heard, stage.logs, await stage.asked()]).toEqual([[], [], []]);
  });
});

test('a gap that is nobody’s is no news', async () => {
  const gaps: string[] = [];
  stage.client.gaps$.subscribe(({ stream }) => gaps.push(stream));
  stage.hear('a');
  await stage.asked();
  const [from, to] = [1, 3].map((offset) => ({ epoch: 'epoch-1', offset })) as [Position, Position];
  stage.receive({ op: 'gap', stream: 'a', from, to, reason: 'evicted' });
  await stage.grant('a', 3);
  for (const offset of [5, 4])
    stage.receive({ op: 'gap', stream: 'a', from, to: { ...to, offset }, reason: 'evicted' });
  expect(gaps).toEqual(['a']);
});

test('filters that are left are forgotten', async () => {
  const forget = jest.spyOn(LevelTrie.prototype, 'delete');
  const { off } = await stage.joined('a/+');
  expect(forget).not.toHaveBeenCalled();
  off();
  expect(forget.mock.calls).toEqual([[['a', '+']]]);
  forget.mockRestore();
});

test('it comes back with as many positions as a server reads', async () => {
  await stage.relink({
    limits: { ...limits, maxFramesPerSecond: 1e6, maxBytesPerSecond: 1e9, maxFrameBytes: 1e9 },
  });
  for (let i = 0; i < 1_100; i++) stage.client.channel(`a/${i}`).subscribe(() => {});
  for (let turn = 0; turn < 3; turn++) await stage.answerAll();
  await stage.relink(resumed);
  const [{ resume }] = stage.server.frames as [ConnectFrame];
  expect(Object.keys(resume?.positions ?? {})).toHaveLength(1_024);
});

test('refusals end with the client', async () => {
  let completed = 0;
  const complete = () => completed++;
  stage.client.channel('a').refusals$.subscribe({ complete });
  await stage.client.close();
  stage.client.channel('b').refusals$.subscribe({ complete });
  expect(completed).toBe(2);
});
