import assert from 'node:assert/strict';
import type { PublishOptions } from '../../../src/api.ts';
import type { Random } from '../random.ts';
import { optionsOf } from '../sends.ts';
import type { Data, Fate } from './publications.ts';
import { type ChannelName, isKept, isRetained } from './service.ts';
import type { Tab } from './tab.ts';
import type { World } from './world.ts';

const DEFAULT_TIMEOUT_MS = 35_000;
/** What a server says that has stopped meanwhile, or whose log fails. */
const failures = new Set(['APPEND_FAILED', 'UNAVAILABLE', 'OUTCOME_UNKNOWN']);
const fates: [Fate, ...Fate[]] = [
  ...(Array.from({ length: 16 }, () => 'passes') as [Fate]),
  ...(['waits', 'waits', 'waits too long', 'is forbidden'] as const),
];

/** A client publishes. Resolved, it is in the channel once; stale or repeated, it is not; rejected, as the error says. */
export function publish(world: World, tab: Tab, channel: ChannelName, chance: Random): void {
  const { log, errands, life } = world;
  const data: Data = { ...dataOf(world, chance), fate: chance.of(fates) };
  const options = { ...optionsOf(chance), ...traitsOf(world, chance), exclude: chance.below(4) === 0 };
  const { timeoutMs = DEFAULT_TIMEOUT_MS, resend = tab.resend } = options;
  errands.send(
    {
      action: { type: 'publish', id: data.id },
      shown: { type: 'publish' },
      ...{ timeoutMs, resend },
      session: () => tab.session,
      effects: () => [log.times(data.id)],
      runs: () => false,
      took: (result) => judged(world, channel, data, result, life),
    },
    () => tab.client.channel(channel).publish(data, options),
  );
}

/** The server itself publishes. */
export function publishFromServer(world: World, channel: ChannelName, chance: Random, length?: number): void {
  const { log, life } = world;
  const data = dataOf(world, chance, length);
  const most = (times: number) => assert.ok(log.times(data.id) <= times, `${data.id} is there`);
  const sent = world.harness.server.publish(channel, data, traitsOf(world, chance));
  const told = sent.then(
    (result) => void judged(world, channel, data, result, life),
    (error) => {
      const { code } = error;
      assert.ok(failures.has(code), error);
      most(code === 'OUTCOME_UNKNOWN' ? 1 : 0);
      world.tally.count(`not published by the server: ${code}`);
    },
  );
  told.catch((fault) => world.found(fault));
}

/** @param life of the server, when it was published. */
function judged(world: World, channel: ChannelName, { id }: Data, result: unknown, life: number) {
  const { log, tally } = world;
  const { outcome } = result as { readonly outcome: 'published' };
  tally.count(outcome);
  if (outcome === 'published') {
    // Where nobody needs it and nothing is kept it goes nowhere; nor where the server stops, which forgets all.
    const isNeeded = (isKept(channel) || isRetained(channel)) && world.life === life && life % 2 === 0;
    const isThere = log.times(id) === 1 || !isNeeded;
    assert.ok(isThere, `${id} was published and is not there`);
    return { least: log.times(id), most: 1 };
  }
  assert.ok(log.outcomes(id).includes(outcome), `${id} is not ${outcome}`);
  return { least: 0, most: 0 };
}

function dataOf(world: World, chance: Random, length = chance.of([10, 10, 300])): Data {
  return { id: world.id(), text: 'x'.repeat(length) };
}

function traitsOf(world: World, chance: Random): Pick<PublishOptions, 'version' | 'key' | 'meta'> {
  const version = chance.of([undefined, undefined, world.version(), world.version() - 3]);
  const key = chance.below(4) === 0 ? `key ${chance.below(6)}` : undefined;
  const meta = chance.below(5) === 0 ? { unit: '°C' } : undefined;
  return {
    ...(version !== undefined && { version: Math.max(0, version) }),
    ...(key !== undefined && { key }),
    ...(meta !== undefined && { meta }),
  };
}
