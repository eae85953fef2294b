import type { LogFields, Logger } from '@callboard/runtime';

const levels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof levels)[number];

/** One line per entry on standard error: time, level, message, fields as JSON; an error in `cause` with its stack. */
export function consoleLogger(options: { level?: LogLevel } = {}): Logger {
  const lowest = levels.indexOf(options.level ?? 'info');
  const write = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (levels.indexOf(level) < lowest) return;
    const { cause, ...rest } = fields ?? {};
    const tail = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : '';
    const stack = cause === undefined ? '' : `\n${describe(cause)}`;
    process.stderr.write(`${new Date().toISOString()} ${level} callboard: ${message}${tail}${stack}\n`);
  };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const own = cause.stack ?? String(cause);
  return cause.cause === undefined ? own : `${own}\ncaused by ${describe(cause.cause)}`;
}
