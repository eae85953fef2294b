import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export const peers = ['bare', 'ws', 'socketio', 'callboard'] as const;
export type Peer = (typeof peers)[number];

export const titles: Record<Peer, string> = {
  bare: 'bare sockets',
  ws: 'ws',
  socketio: 'Socket.IO',
  callboard: 'Callboard',
};

const packages: Record<Exclude<Peer, 'bare'>, string> = {
  ws: 'ws',
  socketio: 'socket.io',
  callboard: '@callboard/core',
};

export function isPeer(name: string): name is Peer {
  return (peers as readonly string[]).includes(name);
}

/** The installed version of a peer, as its package.json says; bare sockets are Node's. */
export function versionOf(peer: Peer): string {
  if (peer === 'bare') return process.versions.node;
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
