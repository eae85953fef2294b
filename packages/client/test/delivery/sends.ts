import assert from 'node:assert/strict';
import type { AnyAction } from '@callboard/protocol';
import type { SendOptions } from '../../src/api.ts';
import type { Errand } from './errands.ts';
import type { Random } from './random.ts';
import type { calls, Fate } from './service.ts';
import type { Tab } from './tab.ts';
import type { World } from './world.ts';

const DEFAULT_TIMEOUT_MS = 35_000;
const once = { least: 1, most: 1 };
/** More than `limits.maxFrameBytes`. */
const TOO_MUCH = 5_000;
const fates: [Fate, ...Fate[]] = [
  ...(Array.from({ length: 14 }, () => 'passes') as [Fate]),
  ...(['waits', 'waits', 'waits', 'waits', 'is held back', 'fails a plugin'] as const),
];

/** To the user's other tabs. */
export function broadcast(world: World, tab: Tab, chance?: Random): void {
  const action = actionOf(world, 'MESSAGE', chance);
  post(world, tab, action, [tab.userId], chance, (options) => tab.client.broadcast(action, options));
}

/** To users, themselves included. */
export function send(world: World, tab: Tab, chance: Random): void {
  const action = actionOf(world, 'MESSAGE', chance);
  const to = chance.below(2) ? [chance.of(world.users as [string])] : world.users;
  post(world, tab, action, to, chance, (options) => tab.client.sendToUser(action, to, options));
}

function post(
  world: World,
  tab: Tab,
  action: AnyAction,
  to: readonly string[],
  chance: Random | undefined,
  sent: (options: SendOptions) => Promise<unknown>,
): void {
  const effects = () => to.map((userId) => world.inboxes.times(String(action.id), userId));
  const took = (result: unknown) => {
    assert.equal(result, undefined);
    return once;
  };
  give(world, tab, { action, effects, took, runs: () => false }, chance, sent);
}

export function call(world: World, tab: Tab, type: (typeof calls)[number], chance?: Random): void {
  const { service } = world;
  const action: AnyAction = { ...actionOf(world, type, chance), call: true };
  const id = String(action.id);
  const effects = () => [service.handled(id)];
  const runs = () => service.runs(id);
  const took = (result: unknown) => {
    assert.equal((result as { id?: unknown }).id, id, 'the answer to another call');
    return once;
  };
  give(world, tab, { action, effects, took, runs }, chance, (options) =>
    tab.client.sendToServer(action, options),
  );
}

function give(
  { errands }: World,
  tab: Tab,
  what: Pick<Errand, 'action' | 'effects' | 'took' | 'runs'>,
  chance: Random | undefined,
  sent: (options: SendOptions) => Promise<unknown>,
): void {
  const options = optionsOf(chance);
  const { timeoutMs = DEFAULT_TIMEOUT_MS, resend = tab.resend } = options;
  errands.send({ ...what, timeoutMs, resend, session: () => tab.session }, (errand) => {
    tab.sent.set(String(what.action.id), errand);
    return sent(options);
  });
}

function actionOf(world: World, type: string, chance?: Random): AnyAction {
  const action = { type, id: world.id() };
  if (chance === undefined) return action;
  const fate: Fate = chance.of(fates);
  const waitMs = chance.of([40, 800, 4_000, 12_000]);
  const here = chance.below(20) > 0 ? 'passes' : chance.of(['is held back', 'fails']);
  const text = 'x'.repeat(chance.below(20) > 0 ? chance.of([10, 10, 400]) : TOO_MUCH);
  return { ...action, fate, waitMs, here, text };
}

export function optionsOf(chance: Random | undefined): SendOptions {
  if (chance === undefined) return {};
  const timeoutMs = chance.of([undefined, undefined, undefined, 12_000, 1_500]);
  const resend = chance.of([undefined, undefined, true, false]);
  return { ...(timeoutMs !== undefined && { timeoutMs }), ...(resend !== undefined && { resend }) };
}
