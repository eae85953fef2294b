import type { Connection } from '../load/connection.ts';
import { createAction } from '../load/dialect.ts';
import { measureCpu } from '../load/measure.ts';
import { percentile } from '../report/statistics.ts';
import type { Bench, Budget, Scenario } from '../scenario.ts';

const connections = 50;

/** Requests that the server answers with what it got; every connection waits for each reply. */
function callsScenario(name: string, tls: boolean, budgets: readonly Budget[]): Scenario {
  return {
    name,
    unit: 'call',
    figure: 'µs',
    connections,
    tls,
    budgets,
    async run(bench) {
      const callers = await bench.connectAll(Array.from({ length: connections }, (_, i) => `u${i + 1}`));
      const latenciesMs: number[] = [];
      await callAll(bench, callers, bench.times(600), []);
      const cost = await measureCpu(bench, () => callAll(bench, callers, bench.times(2000), latenciesMs));
      return { ...cost, p50Ms: percentile(latenciesMs, 50), p99Ms: percentile(latenciesMs, 99) };
    },
  };
}

/** Resolves with the number of calls once all callers have made `each` of them. */
async function callAll(
  bench: Bench,
  callers: readonly Connection[],
  each: number,
  latenciesMs: number[],
): Promise<number> {
  await Promise.all(callers.map((caller) => callInTurn(bench, caller, each, latenciesMs)));
  return callers.length * each;
}

function callInTurn(
  { dialect }: Bench,
  caller: Connection,
  count: number,
  latenciesMs: number[],
): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    let mid = 0;
    let sentMs = 0;
    caller.onText = (bytes, start, end) => {
      const text = bytes.toString('utf8', start, end);
      if (dialect.settled(text) !== mid) throw new Error(`Not the reply to call ${mid}: ${text}`);
      latenciesMs.push(performance.now() - sentMs);
      if (left > 0) call();
      else resolve();
    };
    call();

    function call(): void {
      left--;
      mid = caller.nextMid();
      sentMs = performance.now();
      caller.write(dialect.call(mid, createAction('ECHO')));
    }
  });
}

export const calls = callsScenario('calls', false, [
  { atMost: 1, times: 'socketio' },
  { atMost: 1.3, times: 'ws' },
]);

export const callsTls = callsScenario('calls-tls', true, []);
