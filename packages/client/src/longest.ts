/** What timers can count, in milliseconds; the next one would fire at once. */
export const LONGEST_MS = 2 ** 31 - 1;
