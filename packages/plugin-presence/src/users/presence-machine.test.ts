import { describe, expect, test } from '@jest/globals';
import { createActor } from 'xstate';
import { getShortestPaths, getSimplePaths } from 'xstate/graph';
import { choices } from './contract.ts';
import { type Place, type PresenceEvent, presenceMachine, step } from './presence-machine.ts';

const at = 1_000;
const changed = (connected: number, active: number, more: Partial<PresenceEvent> = {}) =>
  ({ type: 'CHANGED', connected, active, choice: 'auto', at, ...more }) as const;
const graceOver = { type: 'GRACE_OVER' } as const;

/** All that can happen, in kind. */
const events: PresenceEvent[] = [
  graceOver,
  ...choices.flatMap((choice) =>
    [
      [0, 0],
      [1, 0],
      [2, 1],
    ].map(([connected, active]) => changed(connected as number, active as number, { choice })),
  ),
];
const options = { events, serializeState: ({ value }: { value: unknown }) => String(value) };

/** What the machine is to do, said another way. */
function expected(state: string, event: PresenceEvent): string {
  if (event.type === 'GRACE_OVER') return state === 'grace' ? 'offline' : state;
  if (event.connected === 0) return state === 'offline' ? 'offline' : 'grace';
  return event.active > 0 && event.choice !== 'away' ? 'online' : 'away';
}
const statusIn = { offline: 'OFFLINE', online: 'ONLINE', away: 'AWAY' } as const;

describe('the presence machine', () => {
  test('takes every path to where it is to lead, with the status that it is to have', () => {
    const paths = getSimplePaths(presenceMachine, options);
    expect(paths.length).toBeGreaterThan(100);
    for (const { steps } of paths) {
      let status = 'OFFLINE';
      let place: Place = { state: 'offline', context: presenceMachine.config.context as Place['context'] };
      const actor = createActor(presenceMachine).start();
      for (const { event } of steps.slice(1)) {
        const before = place;
        place = step(place, event);
        actor.send(event);
        expect(place.state).toBe(expected(before.state, event));
        // In grace nothing is said.
        if (place.state !== 'grace') status = statusIn[place.state];
        expect(place.context.status.status).toBe(status);
        expect(actor.getSnapshot()).toMatchObject({ value: place.state, context: place.context });
        if (place.state === before.state) expect(place.context).toBe(before.context);
      }
    }
  });

  test('gets everywhere from everywhere', () => {
    const all = ['away', 'grace', 'offline', 'online'];
    for (const { state } of getShortestPaths(presenceMachine, options)) {
      const from = getShortestPaths(presenceMachine, { ...options, fromState: state });
      expect(new Set(from.map((path) => String(path.state.value)))).toEqual(new Set(all));
    }
  });

  test('has the times of the forebear’s user model', () => {
    let place: Place = { state: 'offline', context: presenceMachine.config.context as Place['context'] };
    const happens = (event: PresenceEvent) => {
      place = step(place, event);
      return place.context.status;
    };
    const online = { status: 'ONLINE', onlineSinceTs: 1, lastOnlineTs: null, awaySinceTs: null };
    expect(happens(changed(1, 1, { at: 1 }))).toEqual({ ...online, previousStatus: 'OFFLINE' });
    const away = { ...online, status: 'AWAY', previousStatus: 'ONLINE', awaySinceTs: 2 };
    expect(happens(changed(1, 0, { at: 2 }))).toEqual(away);
    // Grace, and back before it is over.
    expect(happens(changed(0, 0, { at: 3 }))).toEqual(away);
    expect(happens(changed(1, 0, { at: 4 }))).toEqual(away);
    expect(happens(changed(1, 1, { at: 5 }))).toEqual({ ...online, previousStatus: 'AWAY' });
    happens(changed(0, 0, { at: 6 }));
    expect(happens(graceOver)).toEqual({
      status: 'OFFLINE',
      previousStatus: 'ONLINE',
      onlineSinceTs: null,
      lastOnlineTs: 6,
      awaySinceTs: null,
    });
    expect(happens(changed(1, 1, { at: 9 }))).toEqual({
      ...online,
      previousStatus: 'OFFLINE',
      onlineSinceTs: 9,
      lastOnlineTs: 6,
    });
  });
});
