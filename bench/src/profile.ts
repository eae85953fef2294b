/** `npm run bench:profile`: where a peer's server spends its time in a scenario. */

import { parseArgs } from 'node:util';
import { peerNamed, scenarioNamed } from './options.ts';
import { titles } from './peers.ts';
import { renderProfile } from './report/profile-table.ts';
import { runOnce } from './run.ts';

const usage = `npm run bench:profile -- [options]

  --scenario <name>   the one to look at (channel-1)
  --peer <name>       whose server (callboard)
  --lines <n>         how many functions (15)
  --help`;

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'channel-1' },
    peer: { type: 'string', default: 'callboard' },
    lines: { type: 'string', default: '15' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(usage);
else {
  try {
    const scenario = scenarioNamed(values.scenario).name;
    const peer = peerNamed(values.peer);
    const { profile } = await runOnce({ scenario, peer, quick: false, profile: true });
    if (profile === undefined) throw new Error(`${scenario} has no moment to profile`);
    console.log(`${titles[peer]} in ${scenario}, self time\n`);
    console.log(renderProfile(profile, Number(values.lines)));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
