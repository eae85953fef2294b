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
  const perSecond = constant('CLK_TCK');
  return {
    cpuMicros: ((Number(fields[11]) + Number(fields[12])) / perSecond) * 1e6,
    rssBytes: Number(fields[21]) * constant('PAGESIZE'),
  };
}

const constants = new Map<string, number>();
function constant(name: string): number {
  const value = constants.get(name) ?? Number(execFileSync('getconf', [name]));
  constants.set(name, value);
  return value;
}
