import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import type { Peer } from '../peers.ts';
import type { Scenario } from '../scenario.ts';

const KB = 1_000;

/**
 * What a browser loads for an application that only connects and sends: bundled, minified, and with gzip. What is loaded
 * later, if it is needed at all (Callboard's HTTP fallback), stands beside it.
 */
export const clientSize: Scenario = {
  name: 'client-size',
  unit: 'bundle',
  figure: 'KB',
  connections: 0,
  peers: ['socketio', 'callboard'],
  budgets: [{ atMost: 25, detail: 'gzip KB' }],
  async run({ peer }) {
    const chunks = await bundle(peer);
    const [atOnce, later] = [true, false].map((isEntry) =>
      chunks.filter((chunk) => chunk.isEntry === isEntry).map(({ code }) => code),
    ) as [string[], string[]];
    const zipped = sum(atOnce, (code) => gzipSync(code, { level: 9 }).length);
    return {
      figure: zipped,
      details: {
        'gzip KB': zipped,
        'minified KB': sum(atOnce, Buffer.byteLength),
        'loaded if needed, gzip KB': sum(later, (code) => gzipSync(code, { level: 9 }).length),
      },
    };
  },
};

function sum(texts: readonly string[], sizeOf: (text: string) => number): number {
  return texts.reduce((total, text) => total + sizeOf(text), 0) / KB;
}

async function bundle(peer: Peer): Promise<Rolldown.OutputChunk[]> {
  const entry = new URL(`../apps/${peer}.js`, import.meta.url).pathname;
  const built = (await build({
    configFile: false,
    logLevel: 'error',
    build: { write: false, minify: true, target: 'es2022', rolldownOptions: { input: entry } },
  })) as Rolldown.RolldownOutput;
  return built.output.filter((part) => part.type === 'chunk');
}
