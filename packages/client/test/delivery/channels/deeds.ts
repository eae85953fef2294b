import { moods } from '../log.ts';
import { Random } from '../random.ts';
import { readBack } from './histories.ts';
import { publish, publishFromServer } from './publishing.ts';
import { answers, channels, filters, kindOf } from './service.ts';
import type { World } from './world.ts';

export interface Command {
  readonly deed: Deed;
  readonly pick: number;
  readonly luck: number;
}

/** What can happen, and how often for each other. */
const weights = {
  join: 14,
  'join a filter': 7,
  leave: 5,
  'leave and join': 2,
  'ask again': 3,
  publish: 12,
  'server publishes': 8,
  'too slow': 4,
  history: 4,
  retry: 6,
  turn: 10,
  wait: 8,
  cut: 5,
  'cut at a frame': 5,
  freeze: 3,
  thaw: 3,
  late: 3,
  drop: 4,
  'new tab': 1,
  'close tab': 1,
  stop: 1,
  start: 2,
  'log mood': 2,
  'lose stream': 1,
  verifier: 1,
  rights: 4,
  'rights mood': 2,
  mend: 3,
  rest: 1,
} as const;
export type Deed = keyof typeof weights;
export const deeds = Object.entries(weights).flatMap(([deed, times]) =>
  Array.from({ length: times }, () => deed as Deed),
);

const waits = [10, 10, 300, 1_100, 5_500, 11_000, 22_000, 50_000] as const;

/** Does it to one of the tabs, where there is one. */
export async function doIt(world: World, { deed, pick, luck }: Command): Promise<void> {
  const { clock, service, rights, log, errands, users, tally } = world;
  const chance = new Random(luck);
  const userId = users[pick % users.length] as string;
  const tab = world.tabs[pick % Math.max(1, world.tabs.length)];
  const channel = chance.of(channels);
  switch (deed) {
    case 'late':
      for (const { roads } of world.tabs) tally.count('frames that came late', roads.late());
      return;
    case 'turn':
      return clock.settle();
    case 'wait':
      return clock.advanceAsync(chance.of(waits));
    case 'server publishes':
      for (let left = chance.of([1, 1, 3, 12]); left > 0; left--) publishFromServer(world, channel, chance);
      return;
    case 'retry':
      return errands.retry(chance.below(6), { open: chance.below(3) > 0, twice: chance.below(4) === 0 });
    case 'new tab':
      return world.openTab(userId);
    case 'stop':
      return world.stop(chance.of([1, 500, 5_000]));
    case 'start':
      return world.start();
    case 'log mood':
      log.mood = chance.of(moods);
      return;
    case 'lose stream':
      if (log.loseStream(channel)) tally.count('streams lost');
      return;
    case 'verifier':
      service.lets = chance.of(['in', 'in later', 'in later', 'fail']);
      return;
    case 'rights':
      if (chance.below(2) === 0) return world.changeRight(userId, kindOf(channel), false);
      for (const each of channels) world.changeRight(userId, kindOf(each), true);
      return;
    case 'rights mood':
      rights.answers = chance.of(answers);
      return;
    case 'mend':
      log.mood = 'prompt';
      service.lets = 'in';
      rights.answers = 'at once';
      return;
    case 'rest':
      return chance.below(3) === 0 ? world.rest() : undefined;
  }
  if (tab === undefined) return;
  const road = tab.roads.current;
  const name = chance.below(3) > 0 ? channel : chance.of(filters);
  switch (deed) {
    case 'join':
      return tab.join(channel);
    case 'join a filter':
      return tab.join(chance.of(filters));
    case 'leave':
      return tab.leave(name, chance.of(['leave', 'off']));
    case 'leave and join':
      tab.leave(name, chance.of(['leave', 'off']));
      return tab.join(name);
    case 'ask again':
      for (const listener of tab.listeners.values()) if (listener.ask()) tally.count('asked again');
      return;
    case 'publish':
      // Now and then more than a policy lets.
      for (let left = chance.of([1, 1, 1, 6]); left > 0; left--) publish(world, tab, channel, chance);
      return;
    case 'history':
      return readBack(world, tab, channel, chance);
    case 'too slow':
      // It does not read; more comes than may wait, and less, and what waits is replaced.
      road?.freeze('down');
      for (let left = chance.of([8, 12, 16, 24]); left > 0; left--) {
        publishFromServer(world, chance.of(['latest/a', 'flash/a', ...tab.listening]), chance, 400);
        if (left % 3 === 0) await clock.advanceAsync(1);
      }
      if (chance.below(3) === 0) tab.leave(name, 'leave');
      if (chance.below(3) === 0) tab.join(name);
      if (chance.below(2) === 0) road?.thaw();
      return;
    case 'cut':
      return road?.cut(chance.of(['both', 'both', 'client', 'server']));
    case 'cut at a frame':
      return road?.cutAfter(chance.below(5));
    case 'freeze':
      return road?.freeze(chance.of(['up', 'up', 'down']));
    case 'thaw':
      return void road?.thaw();
    case 'drop':
      // What it has sent may be still under way when it comes back.
      if (chance.below(2) === 0) road?.freeze('up');
      return tab.client.drop();
    case 'close tab':
      return world.closeTab(tab);
  }
}
