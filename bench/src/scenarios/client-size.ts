import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import type { Peer } from '../peers.ts';
import type { Scenario } from '../scenario.ts';

const KB = 1_000;

/** What a browser loads for an application that only connects and sends: bundled, minified, and with gzip. */
export const clientSize: Scenario = {
  name: 'client-size',
  unit: 'bundle',
  figure: 'KB',
  connections: 0,
  peers: ['socketio', 'callboard'],
  budgets: [{ atMost: 25, detail: 'gzip KB' }],
  async run({ peer }) {
    const code = await bundle(peer);
    const zipped = gzipSync(code, { level: 9 }).length / KB;
    return { figure: zipped, details: { 'gzip KB': zipped, 'minified KB': code.length / KB } };
  },
};

async function bundle(peer: Peer): Promise<Buffer> {
  const entry = new URL(`../apps/${peer}.js`, import.meta.url).pathname;
  const built = (await build({
    configFile: false,
    logLevel: 'error',
    build: { write: false, minify: true, target: 'es2022', rolldownOptions: { input: entry } },
  })) as Rolldown.RolldownOutput;
  return Buffer.from(built.output.map((part) => (part.type === 'chunk' ? part.code : '')).join(''));
}
