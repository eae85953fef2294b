import type { UserStatus } from '@callboard/protocol';
import { assign, setup } from 'xstate';

export type UserMachineEvent =
  /** A client came, went or was lost: `online` have a connection, `clients` a session. */
  | { type: 'CLIENTS_CHANGED'; online: number; clients: number; at: number }
  /** Something else a plugin's status reducer may look at. */
  | { type: 'ACTIVITY'; state: 'active' | 'idle'; clientId: string; at: number }
  /** A plugin whose reducer would say something else now has asked for it. */
  | { type: 'REVISED'; online: number; clients: number; at: number };

/** What a user's status is made from, beside what it was. `at`: milliseconds since 1970. */
export interface StatusInput {
  readonly userId: string;
  readonly event: UserMachineEvent;
  /** Clients with a connection. */
  readonly online: number;
  readonly at: number;
}

/** Gives a user's next status; the same object where it does not change. */
export type StatusReducer = (status: UserStatus, input: StatusInput) => UserStatus;

export const neverOnline: UserStatus = {
  status: 'OFFLINE',
  previousStatus: 'OFFLINE',
  onlineSinceTs: null,
  lastOnlineTs: null,
  awaySinceTs: null,
};

/** ONLINE while a client has a connection. */
export const connectedStatus: StatusReducer = (status, { event, online, at }) => {
  if (event.type !== 'CLIENTS_CHANGED') return status;
  if (online > 0) {
    if (status.status !== 'OFFLINE') return status;
    return {
      status: 'ONLINE',
      previousStatus: 'OFFLINE',
      onlineSinceTs: at,
      lastOnlineTs: status.lastOnlineTs,
      awaySinceTs: null,
    };
  }
  if (status.status === 'OFFLINE') return status;
  return {
    status: 'OFFLINE',
    previousStatus: status.status,
    onlineSinceTs: null,
    lastOnlineTs: at,
    awaySinceTs: null,
  };
};

/** A user: online while one of the clients has a connection, gone when the last one is and nothing but OFFLINE is said of them. */
export const userMachine = setup({
  types: {
    context: {} as UserStatus,
    events: {} as UserMachineEvent,
  },
  actions: {
    /** Gives the context its next value, by the server's reducers. */
    reduceStatus: assign({}),
    announce: () => {},
    end: () => {},
  },
  guards: {
    isOver: ({ context, event }) =>
      event.type !== 'ACTIVITY' && event.clients === 0 && context.status === 'OFFLINE',
    someOnline: ({ event }) => event.type === 'CLIENTS_CHANGED' && event.online > 0,
  },
}).createMachine({
  id: 'user',
  context: neverOnline,
  initial: 'offline',
  on: {
    CLIENTS_CHANGED: [
      {
        guard: 'someOnline',
        target: '.online',
        actions: ['reduceStatus', 'announce'],
      },
      { target: '.offline', actions: ['reduceStatus', 'announce'] },
    ],
    ACTIVITY: { actions: ['reduceStatus', 'announce'] },
    REVISED: { actions: ['reduceStatus', 'announce'] },
  },
  states: {
    offline: { always: { guard: 'isOver', target: 'gone' } },
    online: {},
    gone: { type: 'final', entry: 'end' },
  },
});
