import { moods } from './log.ts';
import { Random } from './random.ts';
import { broadcast, call, send } from './sends.ts';
import { calls } from './service.ts';
import type { World } from './world.ts';

export interface Command {
  readonly deed: Deed;
  readonly pick: number;
  readonly luck: number;
}

/** What can happen, and how often for each other. */
const weights = {
  broadcast: 6,
  send: 6,
  call: 10,
  'lose the answer': 2,
  burst: 1,
  'server sends': 4,
  'server sends many': 2,
  retry: 8,
  'retry again and again': 1,
  answer: 4,
  turn: 14,
  wait: 8,
  cut: 5,
  freeze: 4,
  thaw: 4,
  late: 4,
  drop: 5,
  connect: 1,
  'new tab': 2,
  'close tab': 1,
  stop: 1,
  start: 2,
  jam: 1,
  repeat: 1,
  'log mood': 1,
  'lose inbox': 1,
  verifier: 2,
  mend: 3,
} as const;
export type Deed = keyof typeof weights;
export const deeds = Object.entries(weights).flatMap(([deed, times]) =>
  Array.from({ length: times }, () => deed as Deed),
);

const waits = [10, 10, 300, 300, 2_000, 5_500, 11_000, 14_000, 22_000, 50_000] as const;

/** Does it to one of the tabs, where there is one. */
export async function doIt(world: World, { deed, pick, luck }: Command): Promise<void> {
  const { clock, service, inboxes, errands, users } = world;
  const chance = new Random(luck);
  const userId = users[pick % users.length] as string;
  const tab = world.tabs[pick % Math.max(1, world.tabs.length)];
  switch (deed) {
    case 'late':
      for (const { roads } of world.tabs) world.tally.count('frames that came late', roads.late());
      return;
    case 'turn':
      return clock.settle();
    case 'wait':
      return clock.advanceAsync(chance.of(waits));
    case 'server sends':
      return world.fromServer(userId);
    case 'server sends many':
      for (let i = 0; i < 14; i++) world.fromServer(userId, 'x'.repeat(400));
      return;
    case 'retry':
      return errands.retry(chance.below(6), { open: chance.below(3) > 0, twice: chance.below(4) === 0 });
    case 'retry again and again':
      for (let i = 0; i < 3; i++) errands.retry(i, { twice: true });
      return;
    case 'answer':
      return service.answer(pick, chance.of(['answers', 'answers', 'throws']));
    case 'new tab':
      return world.openTab(userId);
    case 'stop':
      return world.stop(chance.of([1, 500, 5_000]));
    case 'start':
      return world.start();
    case 'log mood':
      inboxes.mood = chance.of(moods);
      return;
    case 'mend':
      inboxes.mood = 'prompt';
      service.lets = 'in';
      return;
    case 'lose inbox':
      return inboxes.lose(userId);
    case 'verifier':
      service.lets = chance.of(['in', 'in later', 'in later', 'fail']);
      return;
  }
  if (tab === undefined) return;
  const road = tab.roads.current;
  switch (deed) {
    case 'broadcast':
      return broadcast(world, tab, chance);
    case 'send':
      return send(world, tab, chance);
    case 'call':
      return call(world, tab, chance.of([...calls, 'LATER', 'LATER']), chance);
    case 'lose the answer':
      call(world, tab, 'LATER');
      await clock.settle();
      road?.cut(chance.of(['both', 'client']));
      await clock.advanceAsync(chance.of([10, 1_500]));
      return errands.retry(0, { open: true });
    case 'burst':
      for (let i = 0; i < 16; i++) broadcast(world, tab, chance);
      return;
    case 'cut':
      return road?.cut(chance.of(['both', 'both', 'client', 'server']));
    case 'freeze':
      return road?.freeze(chance.of(['up', 'up', 'down']));
    case 'thaw':
      return void road?.thaw();
    case 'jam':
      // Sent evenly, it arrives all at once.
      road?.freeze('up');
      for (const ms of [chance.of([600, 2_000]), 2_000]) {
        for (let i = 0; i < 12; i++) broadcast(world, tab);
        await clock.advanceAsync(ms);
      }
      return void road?.thaw();
    case 'repeat':
      if (road?.repeat()) world.tally.count('messages repeated');
      return;
    case 'drop':
      // What it has sent may be still under way when it comes back.
      if (chance.below(2) === 0) road?.freeze('up');
      return tab.client.drop();
    case 'connect':
      // Nobody waits for it: it may take as long as it likes.
      return void tab.client.connect().catch(() => world.tally.count('connect() rejected'));
    case 'close tab':
      return world.closeTab(tab);
  }
}
