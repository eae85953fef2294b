import type { Definition, Notice } from './store.ts';

/**
 * The notices of a round, as of now. Of lead times that have passed already the last one is due at once, and those before
 * it are never: nobody is told twice in a moment of the same thing.
 */
export function noticesOf(
  { key, at, leadTimesMs }: Pick<Definition, 'key' | 'at' | 'leadTimesMs'>,
  round: number,
  now: number,
): readonly Notice[] {
  const notices = leadTimesMs.map((leadMs) => ({
    id: noticeId(key, round, leadMs),
    leadMs,
    dueAt: at - leadMs,
  }));
  const last = notices.filter(({ dueAt }) => dueAt <= now).at(-1);
  return notices
    .filter((notice) => notice === last || notice.dueAt > now)
    .map((notice) => ({
      ...notice,
      dueAt: Math.max(notice.dueAt, now),
    }));
}

const noticeId = (key: string, round: number, leadMs: number) => `${round}.${leadMs}.${key}`;
