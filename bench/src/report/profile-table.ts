import type { Profile } from '../control.ts';

/** The first `count` lines of a profile, each with its share of the time in which the thread did anything. */
export function renderProfile(profile: Profile, count: number): string {
  const busy = profile.filter(({ name }) => name !== '(idle)');
  const allMs = busy.reduce((sum, { selfMs }) => sum + selfMs, 0);
  return busy
    .slice(0, count)
    .map(({ name, at, selfMs }) => {
      const share = ((100 * selfMs) / allMs).toFixed(1).padStart(5);
      return `${share} %  ${selfMs.toFixed(0).padStart(6)} ms  ${name.padEnd(28)}  ${at}`.trimEnd();
    })
    .join('\n');
}
