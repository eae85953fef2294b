import { parseArgs } from 'node:util';
import { isPeer, type Peer, peers } from './peers.ts';
import type { Scenario } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';

export interface Options {
  readonly scenarios: readonly Scenario[];
  readonly peers: readonly Peer[];
  readonly rounds: number;
  /** A tenth of the load: to see that it works, not what it costs. */
  readonly quick: boolean;
  /** Where to write the results. */
  readonly file: string;
}

export const usage = `npm run bench -- [options]

  --only <names>    these scenarios: ${scenarios.map(({ name }) => name).join(', ')}
  --peers <names>   these peers: ${peers.join(', ')}
  --rounds <n>      how often each runs against each; the median is reported (3; quick: 1)
  --quick           a tenth of the load: to see that it works, not what it costs
  --json <file>     where to write the results (bench/results/<date>.json)
  --help`;

/** The command line's options. Throws if one is unknown or makes no sense. */
export function readOptions(args: readonly string[], now: Date): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      peers: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds} is no count`);
  return {
    scenarios: values.only === undefined ? scenarios : values.only.split(',').map(scenarioNamed),
    peers: values.peers === undefined ? peers : values.peers.split(',').map(peerNamed),
    rounds,
    quick: values.quick,
    file: values.json ?? resultsFile(now),
  };
}

export function scenarioNamed(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name);
  if (!found) throw new Error(`No scenario is called ${name}`);
  return found;
}

export function peerNamed(name: string): Peer {
  if (!isPeer(name)) throw new Error(`No peer is called ${name}`);
  return name;
}

function resultsFile(now: Date): string {
  const name = `${now.toISOString().slice(0, 19).replaceAll(':', '-')}.json`;
  return decodeURIComponent(new URL(`../results/${name}`, import.meta.url).pathname);
}
