import type { Awaitable } from '@callboard/runtime';
import { describe, expect, test } from '@jest/globals';
import { Listener, openByHand, openInMemory } from '../../test/feed-stage.ts';

test('readers that come back in one turn share what is made of the entries', () => {
  const { feed, append, made, clock, epoch } = openInMemory();
  append('a', 'b', 'c');
  const recover = (name: string, offset: number) => {
    const reader = new Listener(name);
    const missed: unknown[] = [];
    feed.recover(reader, { epoch, offset }, (recovery) => void missed.push(...recovery.missed));
    return missed;
  };
  const missed = (...items: string[]) => items.map((item) => ({ item, offset: 'abc'.indexOf(item) + 1 }));
  expect(recover('one', 0)).toEqual(missed('a', 'b', 'c'));
  expect(recover('two', 1)).toEqual(missed('b', 'c'));
  expect(made.splice(0)).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  clock.advance(0);
  expect(recover('three', 2)).toEqual(missed('c'));
  expect(made).toEqual(['c']);
});

describe('a reader that comes back', () => {
  test('is given what it missed, and then what comes', () => {
    const { feed, append, epoch } = openInMemory();
    append('a', 'b', { body: 'c', exclude: 'one' }, 'd');
    const reader = new Listener('one');
    feed.recover(reader, { epoch, offset: 1 }, reader.begin);
    append('e');
    expect(reader.heard).toEqual(['b@2', 'd@4', `live at ${epoch}/4`, 'e@5']);
  });

  test('is live at once where it missed nothing', () => {
    const { feed, append, epoch } = openInMemory();
    append('a');
    const reader = new Listener('one');
    feed.recover(reader, { epoch, offset: 1 }, reader.begin);
    expect(reader.heard).toEqual([`live at ${epoch}/1`]);
  });

  test('reads page by page, however much it missed', () => {
    const { feed, append, epoch } = openInMemory(1_000);
    for (let i = 1; i <= 1_000; i++) append(`${i}`);
    const reader = new Listener('one');
    feed.recover(reader, { epoch, offset: 0 }, reader.begin);
    expect(reader.heard).toHaveLength(1_001);
    expect(reader.heard.at(-1)).toBe(`live at ${epoch}/1000`);
  });

  test('is told of the gap where that is evicted', () => {
    const { feed, append, epoch } = openInMemory(2);
    append('a', 'b', 'c', 'd');
    const reader = new Listener('one');
    feed.recover(reader, { epoch, offset: 1 }, reader.begin);
    expect(reader.heard).toEqual([`${epoch}/1→${epoch}/2 evicted`, 'c@3', 'd@4', `live at ${epoch}/4`]);
  });

  test('is told of the gap where its epoch has ended, and where it says more than there ever was', () => {
    const { feed, append, epoch } = openInMemory();
    append('a');
    const [old, liar] = [new Listener('old'), new Listener('liar')];
    feed.recover(old, { epoch: 'before', offset: 7 }, old.begin);
    feed.recover(liar, { epoch, offset: 7 }, liar.begin);
    append('b');
    expect(old.heard).toEqual([`before/7→${epoch}/0 epoch`, 'a@1', `live at ${epoch}/1`, 'b@2']);
    expect(liar.heard).toEqual([`${epoch}/7→${epoch}/1 epoch`, `live at ${epoch}/1`, 'b@2']);
  });

  test('may be ahead of the feed, and waits until that gets there', async () => {
    const { feed, log } = await openByHand('a');
    log.hold('b', 'c');
    const reader = new Listener('one');
    const recovered = feed.recover(reader, { epoch: 'x', offset: 0 }, reader.begin);
    await log.answer();
    await recovered;
    for (const offset of [2, 3]) log.tell(offset);
    log.hold('d');
    log.tell(4);
    expect(reader.heard).toEqual(['a@1', 'b@2', 'c@3', 'live at x/3', 'd@4']);
  });

  test('that is ahead is told of the gap from where it is itself', async () => {
    const { feed, log } = await openByHand('a');
    log.hold('b', 'c');
    const reader = new Listener('one');
    feed.recover(reader, { epoch: 'x', offset: 0 }, reader.begin);
    await log.answer();
    log.lose('y');
    log.hold('d');
    log.tell(1);
    await log.answer();
    expect(reader.heard).toEqual(['a@1', 'b@2', 'c@3', 'live at x/3', 'x/3→y/0 epoch', 'd@1']);
  });

  test('is given what it missed before anything that is followed in the same turn', async () => {
    const { feed, log } = await openByHand('a');
    const reader = new Listener('one');
    feed.recover(reader, { epoch: 'x', offset: 0 }, reader.begin);
    log.hold('b');
    const answered = log.answer();
    // Runs after the answer, and before anybody who waits for the recovery's promise.
    queueMicrotask(() => log.tell(2));
    await answered;
    expect(reader.heard).toEqual(['a@1', 'live at x/1', 'b@2']);
  });

  test('catches up with a stream that never rests: a page is old when it comes', async () => {
    const { feed, log } = await openByHand('a');
    const reader = new Listener('one');
    feed.recover(reader, { epoch: 'x', offset: 0 }, reader.begin);
    log.hold('b', 'c');
    for (const offset of [2, 3]) log.tell(offset);
    await log.answer();
    expect(log.reads).toBe(0);
    expect(reader.heard).toEqual(['a@1', 'b@2', 'c@3', 'live at x/3']);
  });

  test('that leaves, or comes back again, before the log has answered is not live twice, or at all', async () => {
    const { feed, log } = await openByHand('a');
    const [gone, again] = [new Listener('gone'), new Listener('again')];
    feed.recover(gone, { epoch: 'x', offset: 0 }, gone.begin);
    feed.recover(again, { epoch: 'x', offset: 0 }, again.begin);
    feed.recover(again, { epoch: 'x', offset: 0 }, again.begin);
    feed.leave(gone);
    for (let i = 0; i < 3; i++) await log.answer();
    expect(gone.heard).toEqual([]);
    expect(again.heard).toEqual(['a@1', 'live at x/1']);
    expect(feed.readers).toBe(1);
  });

  test('is not live where the log fails, and may try again', async () => {
    const { feed, log } = await openByHand('a');
    const reader = new Listener('one');
    const failing = feed.recover(reader, { epoch: 'x', offset: 0 }, reader.begin) as Promise<void>;
    const refused = expect(failing).rejects.toThrow('no');
    await log.answer('fail');
    await refused;
    expect(feed.readers).toBe(0);
    const recovered = feed.recover(reader, { epoch: 'x', offset: 0 }, reader.begin) as Awaitable<void>;
    await log.answer();
    await recovered;
    expect(reader.heard).toEqual(['a@1', 'live at x/1']);
  });

  test('is not live where it throws at what it missed', () => {
    const { feed, append, epoch } = openInMemory();
    append('a');
    const fail = () => {
      throw new Error('no');
    };
    expect(() => feed.recover(new Listener('one'), { epoch, offset: 0 }, fail)).toThrow('no');
    expect(feed.readers).toBe(0);
  });
});
