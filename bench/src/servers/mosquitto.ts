/** Mosquitto, where it is installed: started by this process, which tells what the other one costs (`/proc`, so on Linux alone). */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command, Profile, Sample, Started } from '../control.ts';
import { costOf } from './process-cost.ts';

const folder = mkdtempSync(join(tmpdir(), 'callboard-bench-'));
process.on('exit', () => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
process.on('disconnect', () => process.exit());
process.on('SIGTERM', () => process.exit(1));
process.on('message', async (command: Command) => {
  process.send?.(await answer(command));
});

let child: ReturnType<typeof spawn> | undefined;

async function answer(command: Command): Promise<Started | Sample | Profile> {
  if (command.cmd === 'start') return start(command.scenario === 'mqtt-bridge');
  return command.cmd === 'sample' ? sample() : [];
}

async function start(withWebSockets: boolean): Promise<Started> {
  const [port, webSocketPort] = [await freePort(), await freePort()];
  const file = join(folder, 'mosquitto.conf');
  // It has no limit of its own on what waits for a client that way; persistence is off by default.
  const settings = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'set_tcp_nodelay true',
    'log_type none',
    ...(withWebSockets ? [`listener ${webSocketPort} 127.0.0.1`, 'protocol websockets'] : []),
  ];
  writeFileSync(file, `${settings.join('\n')}\n`);
  child = spawn('mosquitto', ['-c', file], { stdio: 'ignore' });
  child.once('exit', () => process.exit(1));
  while (!(await answers(port))) await delay(20);
  return { port, webSocketPort };
}

function sample(): Sample {
  const cost = costOf(child?.pid as number);
  return { ...cost, heldBytes: cost.rssBytes, peakRssBytes: Number.NaN };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
