/** From half a second, doubling, with jitter. */
export function backoffMs(failures: number, mostMs: number, random: () => number): number {
  const ms = Math.min(mostMs, 500 * 2 ** Math.min(Math.max(failures - 1, 0), 16));
  return Math.ceil(ms * (0.5 + random() / 2));
}

/** What of an error every database can keep. */
export function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.slice(0, 500).replace(/[\p{Cc}\p{Cs}]/gu, ' ');
}
