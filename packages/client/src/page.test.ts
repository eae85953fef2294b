import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { watchPage } from './page.ts';

const seen: string[] = [];
const watch = () => watchPage({ wake: () => void seen.push('wake'), leave: () => void seen.push('leave') });

beforeEach(() => {
  seen.length = 0;
});

test('outside of a browser there is nothing to be told', () => {
  expect(globalThis.document).toBeUndefined();
  const end = watch();
  expect(end()).toBeUndefined();
});

describe('in a page', () => {
  const names = ['document', 'addEventListener', 'removeEventListener'] as const;
  const saved = names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);
  let page: EventTarget;
  let document: EventTarget & { visibilityState: string };

  beforeEach(() => {
    page = new EventTarget();
    document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    const fakes = {
      document,
      addEventListener: page.addEventListener.bind(page),
      removeEventListener: page.removeEventListener.bind(page),
    };
    for (const name of names)
      Object.defineProperty(globalThis, name, { value: fakes[name], configurable: true });
  });
  afterEach(() => {
    for (const [name, before] of saved) {
      if (before) Object.defineProperty(globalThis, name, before);
      else Reflect.deleteProperty(globalThis, name);
    }
  });

  const seenIt = (state: string) => {
    document.visibilityState = state;
    document.dispatchEvent(new Event('visibilitychange'));
  };
  const happens = (type: string, fields = {}) => page.dispatchEvent(Object.assign(new Event(type), fields));
  const everything = () => {
    seenIt('hidden');
    seenIt('visible');
    happens('online');
    happens('pageshow', { persisted: true });
    happens('pagehide', { persisted: true });
    happens('pagehide', { persisted: false });
  };

  test('wakes the client when the page can be seen', () => {
    watch();
    seenIt('hidden');
    expect(seen).toEqual([]);
    seenIt('visible');
    expect(seen).toEqual(['wake']);
  });

  test.each(['online', 'pageshow'])('wakes the client on %s', (type) => {
    watch();
    happens(type, { persisted: true });
    expect(seen).toEqual(['wake']);
  });

  test('leaves with a page that goes for good, and waits with one that is kept', () => {
    watch();
    happens('pagehide', { persisted: true });
    expect(seen).toEqual([]);
    happens('pagehide', { persisted: false });
    expect(seen).toEqual(['leave']);
  });

  test('hears nothing any more once it is over', () => {
    const end = watch();
    everything();
    expect(seen).toEqual(['wake', 'wake', 'wake', 'leave']);
    end();
    everything();
    expect(seen).toHaveLength(4);
  });
});
