const format = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

/** As in `19:30:05`. */
export function clockTime(at: number): string {
  return format.format(at);
}
