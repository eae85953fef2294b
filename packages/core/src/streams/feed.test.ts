import type { Awaitable } from '@callboard/runtime';
import { SimulatedClock } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { Feed, type Reader, type Recovery } from './feed.ts';
import type { Draft, Entry, Follow, Page, StreamLog } from './log.ts';
import { MemoryStreamLog } from './memory-log.ts';
import { Pace } from './pace.ts';

type Item = string;

/** Writes down what it is given: `a@1` for an item, `-2` for what was passed over, `x/1→y/0 epoch` for a gap. */
class Listener implements Reader<Item> {
  readonly clientId: string;
  readonly heard: string[] = [];
  onDelivery: (item: Item) => void = () => {};

  constructor(clientId: string) {
    this.clientId = clientId;
  }

  deliver(item: Item, offset: number): void {
    this.heard.push(`${item}@${offset}`);
    this.onDelivery(item);
  }

  skip(offset: number): void {
    this.heard.push(`-${offset}`);
  }

  gap({ from, to, reason }: Parameters<Reader<Item>['gap']>[0]): void {
    this.heard.push(`${from.epoch}/${from.offset}→${to.epoch}/${to.offset} ${reason}`);
  }

  /** For `recover`: as a connection does, which sends what was missed and then what comes. */
  readonly begin = ({ missed, position }: Recovery<Item>): void => {
    for (const each of missed) {
      if ('gap' in each) this.gap(each.gap);
      else this.deliver(each.item, each.offset);
    }
    this.heard.push(`live at ${position.epoch}/${position.offset}`);
  };
}

/** A log that tells nothing and answers nothing until the test says so. */
class HandLog implements StreamLog {
  entries: Entry[] = [];
  epoch = 'x';
  /** The oldest entry that is not evicted. */
  oldest = 1;
  follow: Follow = () => {};
  readonly #reads: { answer(): void; fail(): void }[] = [];

  open(_stream: string, follow: Follow): Promise<{ epoch: string; offset: number }> {
    this.follow = follow;
    return Promise.resolve({ epoch: this.epoch, offset: this.entries.length });
  }

  release(): void {}

  /** Holds `bodies` from now on, and nobody has heard of it. */
  hold(...bodies: string[]): void {
    for (const body of bodies) this.entries.push({ offset: this.entries.length + 1, body });
  }

  /** Begins anew. */
  lose(epoch: string): void {
    this.epoch = epoch;
    this.entries = [];
    this.oldest = 1;
  }

  /** The feed hears of an entry. */
  tell(offset: number): void {
    this.follow(this.entries[offset - 1] as Entry, this.epoch);
  }

  append(): undefined {}

  position(): undefined {}

  /** Shows what is held now; the answer waits for `answer`. */
  read(_stream: string, after: { epoch: string; offset: number }, maxEntries: number): Promise<Page> {
    const first = Math.max(this.oldest, after.epoch === this.epoch ? after.offset + 1 : 1);
    const entries = this.entries.slice(first - 1, first - 1 + maxEntries);
    const page = { epoch: this.epoch, head: this.entries.length, entries };
    return new Promise((resolve, reject) => {
      this.#reads.push({ answer: () => resolve(page), fail: () => reject(new Error('no')) });
    });
  }

  get reads(): number {
    return this.#reads.length;
  }

  async answer(what: 'answer' | 'fail' = 'answer', which = 0): Promise<void> {
    this.#reads.splice(which, 1)[0]?.[what]();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function openInMemory(maxEntries = 100) {
  const clock = new SimulatedClock();
  const log = new MemoryStreamLog(clock, { maxEntries, maxLength: 10_000, ttlMs: 10_000 });
  const made: string[] = [];
  const feed = Feed.open(
    's',
    log,
    clock,
    ({ body }) => {
      made.push(body);
      return body;
    },
    new Pace(clock),
  ) as Feed<Item>;
  const append = (...drafts: (string | Draft)[]) => {
    for (const draft of drafts) log.append('s', typeof draft === 'string' ? { body: draft } : draft);
  };
  return { feed, append, made, clock, epoch: feed.position.epoch };
}

async function openByHand(...bodies: string[]) {
  const clock = new SimulatedClock();
  const log = new HandLog();
  log.hold(...bodies);
  const feed = await Feed.open('s', log, clock, ({ body }) => body, new Pace(clock));
  return { clock, log, feed };
}

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

describe('while an entry is being delivered', () => {
  test('who joins has no part in it, and gets the next', () => {
    const { feed, append } = openInMemory();
    const [first, late] = [new Listener('first'), new Listener('late')];
    first.onDelivery = (item) => {
      if (item === 'a') expect(feed.join(late).offset).toBe(1);
    };
    feed.join(first);
    append('a', 'b');
    expect(late.heard).toEqual(['b@2']);
  });

  test('who comes back is given it as something missed', () => {
    const { feed, append, epoch } = openInMemory();
    const [first, back] = [new Listener('first'), new Listener('back')];
    first.onDelivery = (item) => {
      if (item === 'a') feed.recover(back, { epoch, offset: 0 }, back.begin);
    };
    feed.join(first);
    append('a', 'b');
    expect(back.heard).toEqual(['a@1', `live at ${epoch}/1`, 'b@2']);
  });

  test('what is appended comes after it, for everybody', () => {
    const { feed, append } = openInMemory();
    const [first, second] = [new Listener('first'), new Listener('second')];
    first.onDelivery = (item) => {
      if (item.length < 3) append(`${item}!`);
    };
    feed.join(first);
    feed.join(second);
    append('a', 'z');
    expect(second.heard).toEqual(['a@1', 'a!@2', 'a!!@3', 'z@4', 'z!@5', 'z!!@6']);
    expect(first.heard).toEqual(second.heard);
  });

  test('what is appended while a reader is given what it missed comes after that', () => {
    const { feed, append, epoch } = openInMemory();
    append('a', 'b');
    const reader = new Listener('one');
    reader.onDelivery = (item) => {
      if (item === 'a') append('c');
    };
    feed.recover(reader, { epoch, offset: 0 }, reader.begin);
    expect(reader.heard).toEqual(['a@1', 'b@2', `live at ${epoch}/2`, 'c@3']);
  });

  test('who leaves gets nothing more, and the others get all', () => {
    const { feed, append } = openInMemory();
    const [first, second, third] = [new Listener('first'), new Listener('second'), new Listener('third')];
    first.onDelivery = () => feed.leave(second);
    for (const reader of [first, second, third]) feed.join(reader);
    append('a', 'b');
    expect([second.heard, third.heard]).toEqual([[], ['a@1', 'b@2']]);
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

describe('many entries in one turn', () => {
  /** With 300 readers 54 entries are delivered in a turn. */
  function crowded() {
    const opened = openInMemory();
    const readers = Array.from({ length: 300 }, (_, i) => new Listener(`r${i}`));
    for (const reader of readers) opened.feed.join(reader);
    return { ...opened, readers };
  }
  const bodies = (count: number) => Array.from({ length: count }, (_, i) => `e${i + 1}`);
  const heard = (from: number, to: number) =>
    bodies(to)
      .slice(from - 1)
      .map((body, i) => `${body}@${from + i}`);

  test('wait for its end where there are many readers, and then all come in order', () => {
    const { feed, append, clock, readers } = crowded();
    append(...bodies(54));
    for (const { heard: of } of readers) expect(of).toEqual(heard(1, 54));
    append(...bodies(100).slice(54));
    expect(readers[0]?.heard).toHaveLength(54);
    expect(feed.position.offset).toBe(54);
    clock.advance(0);
    for (const { heard: of } of readers) expect(of).toEqual(heard(1, 100));
    append('next');
    expect(readers[0]?.heard.at(-1)).toBe('next@101');
  });

  test('do not wait where there are few', () => {
    const { feed, append } = openInMemory();
    const readers = Array.from({ length: 255 }, (_, i) => new Listener(`r${i}`));
    for (const reader of readers) feed.join(reader);
    append(...bodies(100));
    for (const { heard: of } of readers) expect(of).toEqual(heard(1, 100));
  });

  test('come to who joins, recovers or leaves meanwhile from there on, or up to there', () => {
    const { feed, append, clock, readers, epoch } = crowded();
    append(...bodies(60));
    const [joined, recovered] = [new Listener('joined'), new Listener('recovered')];
    expect(feed.join(joined).offset).toBe(54);
    feed.recover(recovered, { epoch, offset: 50 }, recovered.begin);
    feed.leave(readers[1] as Listener);
    expect(recovered.heard).toEqual([...heard(51, 60), `live at ${epoch}/60`]);
    append('e61');
    clock.advance(0);
    expect(joined.heard).toEqual(heard(55, 61));
    expect(recovered.heard.slice(11)).toEqual(['e61@61']);
    expect(readers[1]?.heard).toEqual(heard(1, 54));
    expect(readers[0]?.heard).toEqual(heard(1, 61));
  });

  test('stop for a reader that leaves between two of them, and pass over those that are not for it', () => {
    const { feed, append, clock, readers } = crowded();
    append(...bodies(54), 'last', { body: 'other', exclude: 'r1' }, 'after');
    const leaving = readers[0] as Listener;
    leaving.onDelivery = (item) => item === 'last' && feed.leave(leaving);
    clock.advance(0);
    expect(leaving.heard.slice(54)).toEqual(['last@55']);
    expect(readers[1]?.heard.slice(54)).toEqual(['last@55', '-56', 'after@57']);
    expect(readers[2]?.heard.slice(54)).toEqual(['last@55', 'other@56', 'after@57']);
  });

  test('are delivered at once when they are wanted, and when more wait than is kept', () => {
    const { feed, append, clock, readers } = crowded();
    append(...bodies(56));
    feed.settle();
    expect(readers[0]?.heard).toEqual(heard(1, 56));
    append(...bodies(1_200).slice(56));
    clock.advance(0);
    expect(readers[0]?.heard).toEqual(heard(1, 1_200));
    clock.advance(0);
  });
});
