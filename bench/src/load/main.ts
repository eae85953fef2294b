/** The load process: starts one peer's server, runs one scenario against it, tells the bench, and ends. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Outcome, Profile, Run, RunRequest } from '../control.ts';
import { isFramePeer, isPeer } from '../peers.ts';
import type { Bench, Resuming } from '../scenario.ts';
import { scenarios } from '../scenarios/index.ts';
import { createCertificate } from './certificate.ts';
import { openConnection } from './connection.ts';
import { dialects } from './dialect.ts';
import { inParallel } from './in-parallel.ts';
import { type ServerProcess, startServer } from './server-process.ts';

const openedAtOnce = 50;
let server: ServerProcess | undefined;

process.once('message', (request: RunRequest) => {
  run(request).then(report, fail);
});
process.on('uncaughtException', fail);
for (const gone of ['disconnect', 'SIGTERM', 'SIGINT']) process.on(gone, () => process.exit(1));

async function run({ scenario: name, peer, quick, profile: wanted = false }: RunRequest): Promise<Run> {
  const scenario = scenarios.find((candidate) => candidate.name === name);
  if (!scenario || !isPeer(peer)) throw new Error(`No such scenario or peer: ${name}, ${peer}`);
  const tls = scenario.tls ? createCertificate() : null;
  server = await startServer(peer, scenario, tls);
  server.ended.then((how) => fail(new Error(how)));
  const { port, webSocketPort, sample, beginProfile, endProfile } = server;
  const connect = (userId: string, resuming?: Resuming) =>
    openConnection({ port: webSocketPort, tls: tls !== null, dialect: bench.dialect, userId, ...resuming });
  let profile: Profile | undefined;
  const bench: Bench = {
    peer,
    port,
    webSocketPort,
    get dialect() {
      if (!isFramePeer(peer)) throw new Error(`${peer} takes no frames`);
      return dialects[peer];
    },
    sample,
    connect,
    connectAll: (userIds) => inParallel(userIds.length, openedAtOnce, (i) => connect(userIds[i] ?? '')),
    async profiled(work) {
      if (!wanted) return work();
      await beginProfile();
      const result = await work();
      profile = await endProfile();
      return result;
    },
    times: (count) => (quick ? Math.ceil(count / 10) : count),
  };
  const measurement = await scenario.run(bench);
  return profile === undefined ? { measurement } : { measurement, profile };
}

let failed = false;

/** The first error ends the run. A server's crash shows first as a lost connection: wait for the cause. */
async function fail(error: unknown): Promise<void> {
  if (failed) return;
  failed = true;
  const inTime = delay(500, undefined);
  const crash = await Promise.race([server?.ended, inTime]);
  report({ error: crash ?? (error instanceof Error ? (error.stack ?? error.message) : String(error)) });
}

function report(outcome: Outcome): void {
  process.send?.(outcome, () => process.exit());
}
