import { describe, expect, test } from '@jest/globals';
import { Listener, openByHand, openInMemory } from '../../test/feed-stage.ts';
import type { Entry } from './log.ts';

describe('live readers', () => {
  test('get each entry that is for them, once, of which one item is made', () => {
    const { feed, append, made } = openInMemory();
    const [one, two] = [new Listener('one'), new Listener('two')];
    expect(feed.join(one).offset).toBe(0);
    append('a');
    expect(feed.join(two).offset).toBe(1);
    append('b', { body: 'c', exclude: 'two' }, { body: 'd', only: 'two' });
    expect(one.heard).toEqual(['a@1', 'b@2', 'c@3', '-4']);
    expect(two.heard).toEqual(['b@2', '-3', 'd@4']);
    expect(made).toEqual(['a', 'b', 'c', 'd']);
    feed.leave(one);
    append('e');
    expect(one.heard.at(-1)).toBe('-4');
    expect(feed.readers).toBe(1);
  });

  test('get in order what comes out of order, without a read where nothing is missing', async () => {
    const { feed, log } = await openByHand();
    const reader = new Listener('one');
    feed.join(reader);
    log.hold('a', 'b', 'c');
    for (const offset of [2, 3, 2, 1, 1, 3]) log.tell(offset);
    expect(reader.heard).toEqual(['a@1', 'b@2', 'c@3']);
  });

  test('get what nobody told of, read from the log', async () => {
    const { feed, log } = await openByHand();
    const reader = new Listener('one');
    feed.join(reader);
    log.hold('a', 'b', 'c', 'd');
    log.tell(4);
    expect(reader.heard).toEqual([]);
    await log.answer();
    expect(reader.heard).toEqual(['a@1', 'b@2', 'c@3', 'd@4']);
    expect(log.reads).toBe(0);
  });

  test('are told of a gap where that is evicted', async () => {
    const { feed, log } = await openByHand();
    const reader = new Listener('one');
    feed.join(reader);
    log.hold('a', 'b', 'c', 'd');
    log.oldest = 3;
    log.tell(4);
    await log.answer();
    expect(reader.heard).toEqual(['x/0→x/2 evicted', 'c@3', 'd@4']);
  });

  test('wait for a log that fails', async () => {
    const { feed, log, clock } = await openByHand();
    const reader = new Listener('one');
    feed.join(reader);
    log.hold('a', 'b');
    log.tell(2);
    await log.answer('fail');
    expect([log.reads, reader.heard]).toEqual([0, []]);
    clock.advance(200);
    await log.answer();
    expect(reader.heard).toEqual(['a@1', 'b@2']);
  });
});

describe('an epoch that ends', () => {
  test('is a gap, and what the new one has since follows', async () => {
    const { feed, log } = await openByHand('a');
    const reader = new Listener('one');
    feed.join(reader);
    log.lose('y');
    log.hold('b', 'c');
    log.tell(2);
    await log.answer();
    expect(reader.heard).toEqual(['x/1→y/0 epoch', 'b@1', 'c@2']);
  });

  test('is not entered again by an entry of it that comes late', async () => {
    const { feed, log } = await openByHand('a');
    const reader = new Listener('one');
    feed.join(reader);
    log.hold('late');
    const late = log.entries[1] as Entry;
    log.lose('y');
    log.hold('b');
    log.tell(1);
    await log.answer();
    log.follow(late, 'x');
    await log.answer();
    log.hold('c');
    log.tell(2);
    expect(reader.heard).toEqual(['x/1→y/0 epoch', 'b@1', 'c@2']);
  });

  test('is not entered by a page that was read before the next one began', async () => {
    const { feed, log } = await openByHand('a', 'b');
    const [live, back] = [new Listener('live'), new Listener('back')];
    feed.join(live);
    log.lose('y');
    log.hold('of y');
    const recovered = feed.recover(back, { epoch: 'x', offset: 1 }, back.begin);
    log.lose('z');
    log.hold('of z');
    log.tell(1);
    await log.answer('answer', 1);
    expect(live.heard).toEqual(['x/2→z/0 epoch', 'of z@1']);
    await log.answer();
    await log.answer();
    await recovered;
    expect(feed.position).toEqual({ epoch: 'z', offset: 1 });
    expect(live.heard).toEqual(['x/2→z/0 epoch', 'of z@1']);
    expect(back.heard).toEqual(['x/1→y/0 epoch', 'of y@1', 'y/1→z/0 epoch', 'of z@1', 'live at z/1']);
  });
});

describe('a feed that is closed', () => {
  test('releases its stream, has no readers, and takes none', () => {
    const { feed, append, epoch } = openInMemory();
    const reader = new Listener('one');
    feed.join(reader);
    feed.close();
    append('a');
    expect([reader.heard, feed.readers]).toEqual([[], 0]);
    expect(() => feed.recover(reader, { epoch, offset: 0 }, reader.begin)).toThrow('closed');
  });

  test('hears nothing more of what it asked the log', async () => {
    const { feed, log } = await openByHand('a');
    const reader = new Listener('one');
    const recovered = feed.recover(reader, { epoch: 'x', offset: 0 }, reader.begin);
    feed.close();
    await log.answer();
    await recovered;
    expect([reader.heard, feed.readers]).toEqual([[], 0]);
  });
});
