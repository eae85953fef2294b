/** What a page remembers of what is gone. */
const MOST_REMEMBERED = 5_000;

export function forgetOldest(remembered: Map<string, unknown> | Set<string>, most = MOST_REMEMBERED): void {
  for (const oldest of remembered.keys()) {
    if (remembered.size <= most) return;
    remembered.delete(oldest);
  }
}
