import { beforeEach, describe, expect, test } from '@jest/globals';
import { ChannelStage } from '../test/channel-stage.ts';
import { standing } from '../test/requests-stage.ts';
import { resumed } from '../test/scripted-client.ts';
import { limits, streamAt } from '../test/scripted-transport.ts';
import { failure } from '../test/support.ts';

let stage: ChannelStage;
beforeEach(async () => {
  stage = new ChannelStage();
  await stage.online();
});

const inbox = { $inbox: { epoch: 'epoch-1', offset: 0, recovered: true } };
const resumedWith = (...names: string[]) => ({
  ...resumed,
  streams: { ...inbox, ...Object.fromEntries(names.map((name) => [name, streamAt(name, 9)])) },
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

describe('subscriptions that overlap', () => {
  test('are told of each publication once, each of them, the channel’s own with its position', async () => {
    const { channel } = await stage.joined('a/b', 3);
    const [one, two] = [await stage.joined('a/+'), await stage.joined('a/#')];
    const seen: unknown[] = [];
    channel.subscribe((publication) => seen.push(publication));
    one.channel.publications$.subscribe((publication) => seen.push(publication));
    for (const offset of [4, 4, 3, 5]) stage.publication('a/b', offset);
    stage.publication('a/c', 1);
    const of = (offset: number) => ({
      channel: 'a/b',
      offset,
      position: { epoch: 'epoch-1', offset },
      data: offset,
      retained: false,
    });
    const other = { channel: 'a/c', offset: 1, position: undefined, data: 1, retained: false };
    expect(seen).toEqual([of(4), of(4), of(5), of(5), other]);
    expect([one.heard, two.heard]).toEqual([
      [4, 5, 1],
      [4, 5, 1],
    ]);
  });

  test('hear last values as they come: each may be new to one of them', async () => {
    const exact = await stage.joined('a/b', 3);
    const filter = await stage.joined('a/+');
    stage.publication('a/b', 3, { retained: true, ageMs: 5 });
    stage.publication('a/b', 4);
    expect([exact.heard, filter.heard]).toEqual([
      ['last 3', 4],
      ['last 3', 4],
    ]);
  });

  // The table in subscription.ts: the channel itself is in each state while a filter that fits is there.
  describe('where the channel itself is', () => {
    test('out: for filters alone', async () => {
      const filter = await stage.joined('a/+');
      stage.client.channel('a/b');
      stage.publication('a/b', 7);
      stage.publication('a/b', 2); // the channel began anew
      expect(filter.heard).toEqual([7, 2]);
    });

    test('refused: for filters alone', async () => {
      const filter = await stage.joined('a/+');
      const exact = stage.hear('a/b');
      await stage.refuse('a/b', 'FORBIDDEN');
      stage.publication('a/b', 7);
      expect([filter.heard, exact.heard]).toEqual([[7], ['FORBIDDEN']]);
    });

    test('joining: for filters alone, and from the reply on for both', async () => {
      const filter = await stage.joined('a/+');
      const exact = stage.hear('a/b');
      expect(await stage.asked()).toEqual(['subscribe a/b']);
      const from = { epoch: 'epoch-1', offset: 7 };
      stage.publication('a/b', 7);
      stage.receive({ op: 'gap', stream: 'a/b', from, to: { ...from, offset: 8 }, reason: 'conflated' });
      await stage.grant('a/b', 8);
      stage.publication('a/b', 9);
      expect([filter.heard, exact.heard]).toEqual([[7, 'gap 7–8', 9], [9]]);
    });

    test('joining, and what it recovers filters have had: they have it once, in order', async () => {
      const exact = await stage.joined('a/b', 5);
      const filter = await stage.joined('a/+');
      await stage.relink({ session: 'secret-2' });
      expect(await stage.asked()).toEqual(['subscribe a/b 5', 'subscribe a/+']);
      await stage.refuse('a/b', 'CHECK_TIMEOUT', true);
      await stage.grant('a/+');
      for (const offset of [7, 8]) stage.publication('a/b', offset);
      await stage.clock.advanceAsync(1_000);
      expect(await stage.asked()).toEqual(['subscribe a/b 5']);
      await stage.grant('a/b', 8);
      for (const offset of [6, 7, 8, 9]) stage.publication('a/b', offset);
      expect([filter.heard, exact.heard]).toEqual([
        [7, 8, 9],
        [6, 7, 8, 9],
      ]);
    });

    test('joining a channel that was forgotten since filters had it: they have all that is new', async () => {
      const filter = await stage.joined('a/+');
      stage.publication('a/b', 7);
      const exact = stage.hear('a/b');
      await stage.asked();
      await stage.grant('a/b', 0, 'epoch-2');
      for (const offset of [1, 2]) stage.publication('a/b', offset);
      expect([filter.heard, exact.heard]).toEqual([
        [7, 1, 2],
        [1, 2],
      ]);
    });

    test('joining, and the channel has begun anew: nothing is taken for what filters have had', async () => {
      const exact = await stage.joined('a/b', 5);
      const filter = await stage.joined('a/+');
      await stage.relink({ session: 'secret-2' });
      await stage.asked();
      await stage.grant('a/+');
      stage.publication('a/b', 1);
      await stage.grant('a/b', 1, 'epoch-2');
      const [from, to] = [
        { epoch: 'epoch-1', offset: 5 },
        { epoch: 'epoch-2', offset: 0 },
      ];
      stage.receive({ op: 'gap', stream: 'a/b', from, to, reason: 'epoch' });
      for (const offset of [1, 2]) stage.publication('a/b', offset);
      expect([filter.heard, exact.heard]).toEqual([
        [1, 'gap 5–0', 2],
        ['gap 5–0', 1, 2],
      ]);
    });

    test('in: what it recovers after a resume is for both', async () => {
      const exact = await stage.joined('a/b', 5);
      const filter = await stage.joined('a/+');
      await stage.relink(resumedWith('a/b', 'a/+'));
      for (const offset of [5, 6, 7]) stage.publication('a/b', offset);
      expect([filter.heard, exact.heard]).toEqual([
        [6, 7],
        [6, 7],
      ]);
    });

    test('leaving: for filters, but for what its position has passed', async () => {
      const exact = await stage.joined('a/b', 5);
      const filter = await stage.joined('a/+');
      exact.off();
      expect(await stage.asked()).toEqual(['unsubscribe a/b']);
      exact.channel.subscribe(() => exact.heard.push('too early'));
      for (const offset of [5, 6]) stage.publication('a/b', offset);
      await stage.relink(resumedWith('a/b', 'a/+'));
      for (const offset of [6, 7]) stage.publication('a/b', offset);
      expect([filter.heard, exact.heard]).toEqual([[6, 7], []]);
    });
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

test('refusals end with the client', async () => {
  let completed = 0;
  const complete = () => completed++;
  stage.client.channel('a').refusals$.subscribe({ complete });
  await stage.client.close();
  stage.client.channel('b').refusals$.subscribe({ complete });
  expect(completed).toBe(2);
});
