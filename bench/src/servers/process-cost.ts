import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface ProcessCost {
  /** User and system time since it started, in µs. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
}

/** What another process costs: clock ticks and resident pages (proc(5)), so on Linux alone. */
export function costOf(pid: number): ProcessCost {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const [ticksPerSecond = 100, pageBytes = 4_096] = (constants ??= ['CLK_TCK', 'PAGESIZE'].map((name) =>
    Number(execFileSync('getconf', [name])),
  ));
  return {
    cpuMicros: ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6,
    rssBytes: Number(fields[21]) * pageBytes,
  };
}
let constants: readonly number[] | undefined;
