import type { Timers } from '@callboard/runtime';
import type { Activity } from './activity.ts';

/** What a person does to a page. Which key, and where the pointer is, is not looked at. */
const inputs = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart', 'scroll'] as const;
const passive = { capture: true, passive: true } as const;

/**
 * Follows whether somebody uses this page: idle where it has been hidden for `hiddenAfterMs`, or at once where the browser freezes
 * it; in use when it is shown, when it has the focus, and with all input. Gives what ends that. Outside of a browser there is
 * nothing to follow.
 */
export function followPage(
  activity: Activity,
  timers: Timers,
  hiddenAfterMs: number,
): (() => void) | undefined {
  const { addEventListener, removeEventListener, document } = globalThis;
  if (typeof document !== 'object' || typeof addEventListener !== 'function') return undefined;
  let hiding: unknown;
  const shown = () => {
    timers.clearTimeout(hiding);
    if (document.visibilityState === 'visible') activity.used();
    else hiding = timers.setTimeout(() => activity.idle(), hiddenAfterMs);
  };
  const used = () => {
    if (document.visibilityState === 'visible') activity.used();
  };
  const frozen = () => {
    timers.clearTimeout(hiding);
    activity.idle();
  };
  if (document.visibilityState !== 'visible') activity.idle();
  document.addEventListener('visibilitychange', shown);
  document.addEventListener('freeze', frozen);
  addEventListener('focus', used);
  for (const type of inputs) addEventListener(type, used, passive);
  return () => {
    timers.clearTimeout(hiding);
    document.removeEventListener('visibilitychange', shown);
    document.removeEventListener('freeze', frozen);
    removeEventListener('focus', used);
    for (const type of inputs) removeEventListener(type, used, passive);
  };
}
