import { SimulatedClock } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Activity } from './activity.ts';
import { followPage } from './page.ts';

const inputs = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart', 'scroll'];
const names = ['document', 'addEventListener', 'removeEventListener'] as const;
const saved = names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);

let clock: SimulatedClock;
let told: string[];
let elsewhere: boolean;
let page: EventTarget;
let document: EventTarget & { visibilityState: string };
let listeners: number;

beforeEach(() => {
  clock = new SimulatedClock();
  told = [];
  elsewhere = false;
  listeners = 0;
  page = new EventTarget();
  document = Object.assign(counted(new EventTarget()), { visibilityState: 'visible' });
  const { addEventListener, removeEventListener } = counted(page);
  const fakes = { document, addEventListener, removeEventListener };
  for (const name of names)
    Object.defineProperty(globalThis, name, { value: fakes[name], configurable: true });
});
afterEach(() => {
  for (const [name, before] of saved) {
    if (before) Object.defineProperty(globalThis, name, before);
    else Reflect.deleteProperty(globalThis, name);
  }
});

function counted(target: EventTarget): EventTarget {
  const { addEventListener, removeEventListener } = target;
  target.addEventListener = (...args: Parameters<EventTarget['addEventListener']>) => {
    listeners++;
    addEventListener.apply(target, args);
  };
  target.removeEventListener = (...args: Parameters<EventTarget['removeEventListener']>) => {
    listeners--;
    removeEventListener.apply(target, args);
  };
  return target;
}

function follow(awayAfterMs = 60_000) {
  const activity = new Activity({
    context: { timers: clock, activity: (state) => told.push(state) },
    isElsewhere: () => elsewhere,
  });
  const end = followPage(activity, clock, 5_000);
  activity.watch(awayAfterMs);
  return { activity, end };
}

const show = (state: 'visible' | 'hidden') => {
  document.visibilityState = state;
  document.dispatchEvent(new Event('visibilitychange'));
};

describe('a page', () => {
  test('is in use while there is input, and tells nothing of that', () => {
    follow();
    for (let i = 0; i < 60; i++) {
      clock.advance(10_000);
      page.dispatchEvent(new Event(inputs[i % inputs.length] as string));
    }
    expect(told).toEqual([]);
  });

  test('is idle without input for so long, once, and in use again with the first', () => {
    follow();
    page.dispatchEvent(new Event('keydown'));
    clock.advance(60_500);
    expect(told).toEqual([]);
    clock.advance(1_000);
    expect(told).toEqual(['idle']);
    clock.advance(600_000);
    page.dispatchEvent(new Event('pointermove'));
    page.dispatchEvent(new Event('pointermove'));
    expect(told).toEqual(['idle', 'active']);
  });

  test('is idle when it has been hidden for a while, and not when it is shown again at once', () => {
    follow();
    show('hidden');
    clock.advance(4_000);
    show('visible');
    clock.advance(10_000);
    expect(told).toEqual([]);
    show('hidden');
    page.dispatchEvent(new Event('scroll'));
    clock.advance(5_000);
    expect(told).toEqual(['idle']);
    page.dispatchEvent(new Event('pointermove'));
    expect(told).toEqual(['idle']);
    show('visible');
    expect(told).toEqual(['idle', 'active']);
  });

  test('that is opened hidden is idle from the beginning, one that is frozen at once', () => {
    document.visibilityState = 'hidden';
    follow();
    expect(told).toEqual(['idle']);
    show('visible');
    show('hidden');
    document.dispatchEvent(new Event('freeze'));
    expect(told).toEqual(['idle', 'active', 'idle']);
  });

  test('that is used after another one says so, hardly more than once a second', () => {
    follow();
    page.dispatchEvent(new Event('keydown'));
    elsewhere = true;
    for (let i = 0; i < 20; i++) {
      clock.advance(100);
      page.dispatchEvent(new Event('keydown'));
    }
    expect(told).toEqual(['active', 'active']);
    elsewhere = false;
    clock.advance(10_000);
    page.dispatchEvent(new Event('focus'));
    expect(told).toHaveLength(2);
  });

  test('tells what is known of it by two words, whatever the input was', () => {
    const { activity } = follow();
    page.dispatchEvent(Object.assign(new Event('keydown'), { key: 's3cret' }));
    activity.idle();
    activity.idle();
    page.dispatchEvent(Object.assign(new Event('keydown'), { key: 's3cret' }));
    expect(new Set(told)).toEqual(new Set(['idle', 'active']));
  });

  test('is in use with the first input after the clock was set back', () => {
    follow();
    page.dispatchEvent(new Event('keydown'));
    const earlier = new SimulatedClock(0);
    clock.now = () => earlier.now();
    clock.advance(50_000);
    page.dispatchEvent(new Event('keydown'));
    clock.advance(50_000);
    expect(told).toEqual([]);
  });

  test('is left alone in the end', () => {
    const { activity, end } = follow();
    expect(listeners).toBeGreaterThan(inputs.length);
    show('hidden');
    end?.();
    activity.end();
    expect([listeners, clock.pendingTimers]).toEqual([0, 0]);
    clock.advance(600_000);
    expect(told).toEqual([]);
  });
});

test('outside of a browser there is nothing to follow', () => {
  Object.defineProperty(globalThis, 'document', { value: undefined, configurable: true });
  expect(follow().end).toBeUndefined();
});
