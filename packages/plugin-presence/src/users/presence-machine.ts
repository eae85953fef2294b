import type { UserStatus } from '@callboard/protocol';
import { assign, type SnapshotFrom, setup, transition } from 'xstate';
import type { Choice } from './contract.ts';

export type PresenceEvent =
  /** Clients came, went, fell idle or were used, or the user has chosen: what holds now. */
  | {
      readonly type: 'CHANGED';
      /** Clients that have a connection; and of those, the ones that somebody uses. */
      readonly connected: number;
      readonly active: number;
      readonly choice: Choice;
      /** Milliseconds since 1970 (UTC). */
      readonly at: number;
    }
  /** The last client was lost long enough ago. */
  | { readonly type: 'GRACE_OVER' };

export interface PresenceContext {
  /** In grace it stays what it was. */
  readonly status: UserStatus;
  /** When the last connection was lost. */
  readonly lostAt: number;
}

const changed = <R>(
  event: PresenceEvent,
  read: (event: PresenceEvent & { type: 'CHANGED' }) => R,
  other: R,
) => (event.type === 'CHANGED' ? read(event) : other);

/** A user, over all clients. Whom others see is another question: see `UserPresence`. */
export const presenceMachine = setup({
  types: {
    context: {} as PresenceContext,
    events: {} as PresenceEvent,
  },
  actions: {
    beOnline: assign(({ context: { status }, event }) => ({
      status: {
        status: 'ONLINE' as const,
        previousStatus: status.status === 'ONLINE' ? status.previousStatus : status.status,
        onlineSinceTs: status.onlineSinceTs ?? changed(event, ({ at }) => at, null),
        lastOnlineTs: status.lastOnlineTs,
        awaySinceTs: null,
      },
    })),
    beAway: assign(({ context: { status }, event }) => ({
      status: {
        status: 'AWAY' as const,
        previousStatus: status.status === 'AWAY' ? status.previousStatus : status.status,
        onlineSinceTs: status.onlineSinceTs ?? changed(event, ({ at }) => at, null),
        lastOnlineTs: status.lastOnlineTs,
        awaySinceTs: status.awaySinceTs ?? changed(event, ({ at }) => at, null),
      },
    })),
    beOffline: assign(({ context: { status, lostAt } }) => ({
      status: {
        status: 'OFFLINE' as const,
        previousStatus: status.status,
        onlineSinceTs: null,
        lastOnlineTs: lostAt,
        awaySinceTs: null,
      },
    })),
    noteLoss: assign(({ event }) => ({ lostAt: changed(event, ({ at }) => at, 0) })),
  },
  guards: {
    inUse: ({ event }) => changed(event, ({ active, choice }) => active > 0 && choice !== 'away', false),
    idle: ({ event }) =>
      changed(
        event,
        ({ connected, active, choice }) => connected > 0 && (active === 0 || choice === 'away'),
        false,
      ),
    lost: ({ event }) => changed(event, ({ connected }) => connected === 0, false),
  },
}).createMachine({
  id: 'presence',
  context: { status: neverOnline(), lostAt: 0 },
  initial: 'offline',
  states: {
    offline: {
      on: {
        CHANGED: [
          { guard: 'inUse', target: 'online', actions: 'beOnline' },
          { guard: 'idle', target: 'away', actions: 'beAway' },
        ],
      },
    },
    online: {
      on: {
        CHANGED: [
          { guard: 'idle', target: 'away', actions: 'beAway' },
          { guard: 'lost', target: 'grace', actions: 'noteLoss' },
        ],
      },
    },
    away: {
      on: {
        CHANGED: [
          { guard: 'inUse', target: 'online', actions: 'beOnline' },
          { guard: 'lost', target: 'grace', actions: 'noteLoss' },
        ],
      },
    },
    grace: {
      on: {
        CHANGED: [
          { guard: 'inUse', target: 'online', actions: 'beOnline' },
          { guard: 'idle', target: 'away', actions: 'beAway' },
        ],
        GRACE_OVER: { target: 'offline', actions: 'beOffline' },
      },
    },
  },
});

export type PresenceState = 'offline' | 'online' | 'away' | 'grace';

/** Where a user is: all that has to be kept of an actor. */
export interface Place {
  readonly state: PresenceState;
  readonly context: PresenceContext;
}

/** Of whom nobody has ever seen. */
export const nowhere: Place = { state: 'offline', context: { status: neverOnline(), lostAt: 0 } };

/** A pure step: an actor a user would cost ten times the memory (ADR 13). The same place where nothing comes of the event. */
export function step({ state, context }: Place, event: PresenceEvent): Place {
  const [next] = transition(presenceMachine, { ...snapshots[state], context }, event);
  if (next.value === state && next.context === context) return { state, context };
  return { state: next.value, context: next.context };
}

const snapshotOf = (value: PresenceState): SnapshotFrom<typeof presenceMachine> =>
  presenceMachine.resolveState({ value, context: { status: neverOnline(), lostAt: 0 } });
const snapshots = {
  offline: snapshotOf('offline'),
  online: snapshotOf('online'),
  away: snapshotOf('away'),
  grace: snapshotOf('grace'),
};

function neverOnline(): UserStatus {
  return {
    status: 'OFFLINE',
    previousStatus: 'OFFLINE',
    onlineSinceTs: null,
    lastOnlineTs: null,
    awaySinceTs: null,
  };
}
