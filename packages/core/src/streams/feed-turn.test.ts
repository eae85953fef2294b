import { describe, expect, test } from '@jest/globals';
import { Listener, openInMemory } from '../../test/feed-stage.ts';

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
