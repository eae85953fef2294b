/** `npm run bench`: the scenarios against the peers, in turn, and what came of it. */

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { checkDescriptors, describeMachine, othersShare } from './machine.ts';
import { type Options, readOptions, usage } from './options.ts';
import { framePeers, type Peer, titles, versionOf } from './peers.ts';
import { type Rounds, type Summary, summarize } from './report/summary.ts';
import { renderTable } from './report/table.ts';
import { runOnce } from './run.ts';
import type { Measurement, Scenario } from './scenario.ts';

process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

try {
  const date = new Date();
  const options = readOptions(process.argv.slice(2), date);
  if (options === 'help') console.log(usage);
  else await bench(options, date);
} catch (error) {
  console.error(`\nThe benchmark failed. ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

async function bench(options: Options, date: Date): Promise<void> {
  checkDescriptors(options.scenarios);
  const machine = describeMachine();
  const versions = Object.fromEntries(options.peers.map((peer) => [titles[peer], versionOf(peer)]));
  console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, ${machine.os}`);
  console.log(
    Object.entries(versions)
      .map((pair) => pair.join(' '))
      .join(', '),
  );
  const busy = await othersShare();
  if (busy > 0.1)
    console.log(`Others use ${Math.round(busy * 100)} % of the CPUs: the figures will be too high.`);

  const summaries: Summary[] = [];
  const measurements: Record<string, Record<string, readonly Measurement[]>> = {};
  for (const scenario of options.scenarios) {
    const rounds = await measure(scenario, options);
    summaries.push(...summarize(scenario, rounds));
    measurements[scenario.name] = Object.fromEntries(rounds);
  }
  console.log(`\n${renderTable(summaries)}\n`);
  if (options.quick) console.log('A quick run: its figures say little.');

  const { rounds, quick, file } = options;
  await mkdir(dirname(file), { recursive: true });
  const results = { date, machine, versions, busy, rounds, quick, summaries, measurements };
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
  console.log(`Written to ${file}`);
}

/** The peers take turns, so that what else the machine does, or its heat, falls on all of them. */
async function measure(scenario: Scenario, { peers, rounds, quick }: Options): Promise<Rounds> {
  const measured = new Map<Peer, Measurement[]>();
  for (const peer of peers) {
    if ((scenario.peers ?? framePeers).includes(peer)) measured.set(peer, []);
  }
  for (let round = 1; round <= rounds; round++) {
    for (const [peer, measurements] of measured) {
      const { measurement } = await runOnce({ scenario: scenario.name, peer, quick });
      measurements.push(measurement);
      const { figure } = measurement;
      console.log(
        `${scenario.name} ${round}/${rounds} ${titles[peer]}: ${figure.toFixed(2)} ${scenario.figure}`,
      );
    }
  }
  return measured;
}
