import { fork } from 'node:child_process';
import type { Certificate, Command, Profile, Sample, Started } from '../control.ts';
import type { Peer } from '../peers.ts';
import type { Scenario } from '../scenario.ts';

export interface ServerProcess {
  readonly port: number;
  readonly webSocketPort: number;
  sample(options?: { gc?: boolean }): Promise<Sample>;
  beginProfile(): Promise<Profile>;
  endProfile(): Promise<Profile>;
  /** Resolves with how the process has ended, whenever it does. */
  readonly ended: Promise<string>;
}

/** Starts a peer's server in a process of its own, which ends with this one. */
export async function startServer(
  peer: Peer,
  { name, watchLoop = false }: Scenario,
  tls: Certificate | null,
): Promise<ServerProcess> {
  const child = fork(new URL(`../servers/${peer}.js`, import.meta.url), {
    execArgv: ['--expose-gc'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  // It may have a process of its own to end.
  process.on('exit', () => child.kill());
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) =>
      resolve(`The ${peer} server ended with ${signal ?? `code ${code}`}`),
    );
    child.once('error', (error) => resolve(`The ${peer} server did not start: ${error.message}`));
  });

  function ask<Answer>(command: Command): Promise<Answer> {
    return new Promise((resolve, reject) => {
      child.once('message', (answer) => resolve(answer as Answer));
      child.send(command, (error) => error && reject(error));
      ended.then((how) => reject(new Error(how)));
    });
  }

  const { port, webSocketPort = port } = await ask<Started>({ cmd: 'start', scenario: name, tls, watchLoop });
  return {
    port,
    webSocketPort,
    ended,
    sample: ({ gc = false } = {}) => ask<Sample>({ cmd: 'sample', gc }),
    beginProfile: () => ask<Profile>({ cmd: 'profile', begin: true }),
    endProfile: () => ask<Profile>({ cmd: 'profile', begin: false }),
  };
}
