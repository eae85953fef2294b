import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Scenario } from './scenario.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly os: string;
  readonly node: string;
}

export function describeMachine(): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model ?? 'unknown',
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${process.platform} ${release()}`,
    node: process.version,
  };
}

/** The share of the CPUs that others use, over half a second: figures are too high if it is not about zero. */
export async function othersShare(): Promise<number> {
  const before = cpuTimes();
  await delay(500);
  const after = cpuTimes();
  return 1 - (after.idle - before.idle) / (after.all - before.all);
}

function cpuTimes(): { idle: number; all: number } {
  let idle = 0;
  let all = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return { idle, all };
}

/** What a process has open besides its connections, with a margin. */
const spareDescriptors = 100;

/** Throws if a scenario needs more connections than this system lets a process have open. */
export function checkDescriptors(scenarios: readonly Scenario[]): void {
  const limit = execFileSync('sh', ['-c', 'ulimit -n']).toString().trim();
  if (limit === 'unlimited') return;
  const tooLarge = scenarios.filter(({ connections }) => connections + spareDescriptors > Number(limit));
  if (tooLarge.length === 0) return;
  const needed = Math.max(...tooLarge.map(({ connections }) => connections)) + spareDescriptors;
  throw new Error(
    `A process may open ${limit} files here, too few for ${tooLarge.map(({ name }) => name).join(', ')}: ` +
      `run \`ulimit -n ${needed}\` before, or choose others with --only`,
  );
}
