/** What a sensor read, and when by the server’s clock, in milliseconds since 1970. */
export interface Reading {
  readonly value: number;
  readonly at: number;
}

/** How much of the past a chart shows, in milliseconds. */
export const WINDOW_MS = 180_000;
/** Sensors tell every two seconds: one that has not for so long is silent. */
export const SILENT_MS = 10_000;

/** Both, in order, each once, without what is older than a chart. Of what was read in the same millisecond `earlier` comes first. */
export function merged(
  earlier: readonly Reading[],
  later: readonly Reading[],
  now: number,
): readonly Reading[] {
  const each = new Map([...earlier, ...later].map((reading) => [`${reading.at} ${reading.value}`, reading]));
  const inOrder = [...each.values()].sort((a, b) => a.at - b.at);
  // The last one stays, however old: it is what was heard last.
  return inOrder.filter(({ at }, i) => now - at <= WINDOW_MS || i === inOrder.length - 1);
}

/** `just now`, `3 s ago`, `2 min ago`. */
export function agoInWords(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 1) return 'just now';
  if (seconds < 120) return `${seconds} s ago`;
  return seconds < 7_200 ? `${Math.floor(seconds / 60)} min ago` : `${Math.floor(seconds / 3_600)} h ago`;
}
