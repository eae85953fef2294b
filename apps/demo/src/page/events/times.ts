const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'long' });
const date = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'long' });
const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' });

/** When something is, as one would say it now: `Tomorrow, 19:30`. */
export function dayAndTime(at: number, now: number): string {
  const days = Math.round((midnight(at) - midnight(now)) / dayMs);
  const day = named[days] ?? (days > 1 && days < 7 ? weekday : date).format(at);
  return `${day}, ${time.format(at)}`;
}
const named: Readonly<Record<number, string>> = { [-1]: 'Yesterday', 0: 'Today', 1: 'Tomorrow' };

/** `26 hours`, `3 days`, `a minute`: rounded down, as what has not passed yet has not. */
export function duration(ms: number): string {
  const minutes = Math.max(1, Math.floor(ms / 60_000));
  if (minutes < 60) return count(minutes, 'minute');
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? count(hours, 'hour') : count(Math.floor(hours / 24), 'day');
}

/** `in 26 hours`, `begun`. */
export function until(at: number, now: number): string {
  return at <= now ? 'begun' : `in ${duration(at - now)}`;
}

/** `a day before and an hour before`: those that are still to come. */
export function leadsInWords(leadTimesMs: readonly number[], at: number, now: number): string | undefined {
  const coming = leadTimesMs
    .filter((lead) => at - lead > now)
    .map((lead) => `${lead === dayMs ? 'a day' : duration(lead)} before`);
  return coming.length === 0 ? undefined : new Intl.ListFormat('en-GB').format(coming);
}

/** For an input of the type `datetime-local`, in the zone of this machine. */
export function localInput(at: number): string {
  return new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function count(n: number, unit: string): string {
  if (n === 1) return unit === 'hour' ? 'an hour' : `a ${unit}`;
  return `${n} ${unit}s`;
}

function midnight(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}
