import type { LogFields, Logger, LogLevel } from '@callboard/core';

export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps what it is given in `logs`. */
export function collectingLogger(logs: LogEntry[] = []): Logger & { readonly logs: LogEntry[] } {
  const write =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) =>
      void logs.push({ level, message, fields });
  return { logs, debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
