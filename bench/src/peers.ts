import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Those that are compared where a scenario does not say whom. */
export const framePeers = ['ws', 'socketio', 'callboard'] as const;
export type FramePeer = (typeof framePeers)[number] | 'bare' | 'bullmq';

/** Those of the scenarios over MQTT. */
export const mqttPeers = ['mosquitto', 'aedes', 'callboard'] as const;

/** Those of the scenarios with notifications. */
export const notifyPeers = ['bullmq', 'callboard'] as const;

export const peers = ['bare', 'ws', 'socketio', 'mosquitto', 'aedes', 'bullmq', 'callboard'] as const;
export type Peer = (typeof peers)[number];

export const titles: Record<Peer, string> = {
  bare: 'bare sockets',
  ws: 'ws',
  socketio: 'Socket.IO',
  mosquitto: 'Mosquitto',
  aedes: 'aedes',
  bullmq: 'BullMQ',
  callboard: 'Callboard',
};

const packages: Record<Exclude<Peer, 'mosquitto' | 'bare'>, string> = {
  ws: 'ws',
  socketio: 'socket.io',
  aedes: 'aedes',
  bullmq: 'bullmq',
  callboard: '@callboard/core',
};

export function isPeer(name: string): name is Peer {
  return (peers as readonly string[]).includes(name);
}

export function isFramePeer(peer: Peer): peer is FramePeer {
  return peer === 'bare' || peer === 'bullmq' || (framePeers as readonly Peer[]).includes(peer);
}

/** The installed version of a peer, as its package.json says, or it itself; bare sockets are Node's. */
export function versionOf(peer: Peer): string {
  if (peer === 'bare') return process.versions.node;
  if (peer === 'mosquitto') {
    const { stdout } = spawnSync('mosquitto', ['-h'], { encoding: 'utf8' });
    return /version (\S+)/.exec(stdout ?? '')?.[1] ?? 'not installed';
  }
  const folders = createRequire(import.meta.url).resolve.paths(packages[peer]) ?? [];
  for (const folder of folders) {
    try {
      const manifest: { version?: string } = JSON.parse(
        readFileSync(`${folder}/${packages[peer]}/package.json`, 'utf8'),
      );
      return manifest.version ?? 'unknown';
    } catch {
      // Not in this node_modules: the next folder up may have it.
    }
  }
  return 'not installed';
}
