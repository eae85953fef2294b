import type { Profiler } from 'node:inspector';
import type { Profile } from '../control.ts';

/** A CPU profile's time by the function that was running, the longest first, with what V8 calls (program) and (idle). */
export function selfTimes({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Profile {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const byFunction = new Map<string, { name: string; at: string; selfMs: number }>();
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id);
    if (!frame) continue;
    const { functionName, url, lineNumber } = frame;
    const key = `${functionName} ${url} ${lineNumber}`;
    const line = byFunction.get(key) ?? {
      name: functionName || '(anonymous)',
      at: url && `${shorten(url)}:${lineNumber + 1}`,
      selfMs: 0,
    };
    line.selfMs += (timeDeltas[index] ?? 0) / 1000;
    byFunction.set(key, line);
  }
  return [...byFunction.values()].sort((a, b) => b.selfMs - a.selfMs);
}

/** From the package on: the rest is this machine's. */
function shorten(url: string): string {
  const [, inModules] = url.match(/.*\/node_modules\/(.+)/) ?? [];
  const [, inRepository] = url.match(/.*\/((?:packages|bench)\/.+)/) ?? [];
  return inModules ?? inRepository ?? url;
}
