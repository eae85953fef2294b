import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Outcome, Run, RunRequest } from './control.ts';

const longestMs = 180_000;
const graceMs = 2000;

/** Runs one scenario against one peer in fresh processes, which are gone when it settles. */
export async function runOnce(request: RunRequest): Promise<Run> {
  const load = fork(new URL('./load/main.js', import.meta.url), { execArgv: ['--enable-source-maps'] });
  const stopLoad = () => load.kill('SIGTERM');
  process.on('exit', stopLoad);
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    stopLoad();
    setTimeout(() => load.kill('SIGKILL'), graceMs).unref();
  }, longestMs);

  load.send(request);
  const outcome = await outcomeOf(load);
  clearTimeout(limit);
  process.off('exit', stopLoad);

  if ('measurement' in outcome) return outcome;
  const reason = late ? `not done after ${longestMs / 1000} s` : outcome.error;
  throw new Error(`${request.scenario} against ${request.peer}: ${reason}`);
}

function outcomeOf(load: ChildProcess): Promise<Outcome> {
  return new Promise((resolve) => {
    let outcome: Outcome = { error: 'the load process ended without a result' };
    load.on('message', (message: Outcome) => {
      outcome = message;
    });
    // The exit may be seen before the last message, the channel's end may not.
    Promise.all([once(load, 'exit'), once(load, 'disconnect')]).then(() => resolve(outcome));
  });
}
