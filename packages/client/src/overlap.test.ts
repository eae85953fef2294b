import { beforeEach, describe, expect, test } from '@jest/globals';
import { ChannelStage, resumedWith } from '../test/channel-stage.ts';

let stage: ChannelStage;
beforeEach(async () => {
  stage = new ChannelStage();
  await stage.online();
});

describe('subscriptions that overlap', () => {
  test('are told of each publication once, each of them, with its position', async () => {
    const { channel } = await stage.joined('a/b', 3);
    const [one, two] = [await stage.joined('a/+'), await stage.joined('a/#')];
    const seen: unknown[] = [];
    channel.subscribe((publication) => seen.push(publication));
    one.channel.publications$.subscribe((publication) => seen.push(publication));
    for (const offset of [4, 4, 3, 5]) stage.publication('a/b', offset);
    stage.publication('a/c', 1);
    const of = (channel: string, offset: number) => ({
      ...{ channel, position: { epoch: 'epoch-1', offset }, data: offset, retained: false },
    });
    expect(seen).toEqual([of('a/b', 4), of('a/b', 4), of('a/b', 5), of('a/b', 5), of('a/c', 1)]);
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
      stage.publication('a/b', 2, { epoch: 'epoch-2' }); // the channel began anew
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

    test('in: a last value that its own subscribers know is not told them again, a newer one is', async () => {
      const exact = await stage.joined('a/b', 3);
      stage.publication('a/b', 3, { retained: true, ageMs: 5 });
      const filter = await stage.joined('a/+');
      stage.publication('a/b', 3, { retained: true, ageMs: 6 });
      stage.publication('a/b', 4);
      for (const offset of [4, 5]) stage.publication('a/b', offset, { retained: true, ageMs: 7 });
      expect([exact.heard, filter.heard]).toEqual([
        ['last 3', 4, 'last 5'],
        ['last 3', 4, 'last 4', 'last 5'],
      ]);
    });

    test('joining, and the channel was forgotten since filters had it: they have all that is new', async () => {
      const filter = await stage.joined('a/+');
      stage.publication('a/b', 7);
      const exact = stage.hear('a/b');
      await stage.asked();
      await stage.grant('a/b', 0, 'epoch-2');
      for (const offset of [1, 2]) stage.publication('a/b', offset, { epoch: 'epoch-2' });
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
      stage.publication('a/b', 1, { epoch: 'epoch-2' });
      await stage.grant('a/b', 1, 'epoch-2');
      const [from, to] = [
        { epoch: 'epoch-1', offset: 5 },
        { epoch: 'epoch-2', offset: 0 },
      ];
      stage.receive({ op: 'gap', stream: 'a/b', from, to, reason: 'epoch' });
      for (const offset of [1, 2]) stage.publication('a/b', offset, { epoch: 'epoch-2' });
      expect([filter.heard, exact.heard]).toEqual([
        [1, 'gap 5–0', 2],
        ['gap 5–0', 1, 2],
      ]);
    });

    test('in, and the channel begins anew: what filters had before says nothing any more', async () => {
      const filter = await stage.joined('a/+');
      const exact = stage.hear('a/b');
      await stage.asked();
      stage.publication('a/b', 8);
      await stage.grant('a/b', 8);
      const [from, to] = [
        { epoch: 'epoch-1', offset: 8 },
        { epoch: 'epoch-2', offset: 0 },
      ];
      stage.receive({ op: 'gap', stream: 'a/b', from, to, reason: 'epoch' });
      stage.publication('a/b', 1, { epoch: 'epoch-2' });
      stage.unsubscribed('a/b', 'UNAVAILABLE', true);
      await stage.clock.advanceAsync(1_000);
      await stage.grant('a/b', 2, 'epoch-3');
      stage.receive({ op: 'gap', stream: 'a/b', from: to, to: { ...to, epoch: 'epoch-3' }, reason: 'epoch' });
      stage.publication('a/b', 1, { epoch: 'epoch-3' });
      expect([filter.heard, exact.heard]).toEqual([
        [8, 'gap 8–0', 1, 'gap 0–0', 1],
        ['gap 8–0', 1, 'gap 0–0', 1],
      ]);
    });

    test('in: a last value is for all, also for a filter that came after it was published', async () => {
      const first = await stage.joined('a/+');
      const exact = stage.hear('a/b');
      await stage.asked();
      stage.publication('a/b', 8);
      const second = await stage.joined('#');
      await stage.grant('a/b', 8);
      stage.publication('a/b', 8, { retained: true, ageMs: 5 });
      expect([first.heard, second.heard, exact.heard]).toEqual([[8, 'last 8'], ['last 8'], ['last 8']]);
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
