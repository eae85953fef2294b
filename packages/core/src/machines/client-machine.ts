import { assign, setup } from 'xstate';

export type ClientMachineEvent =
  | { type: 'CONNECT' }
  | { type: 'AUTHENTICATED' }
  /** The connection is gone, and whoever had it may come back. */
  | { type: 'LOST'; reason: string }
  /** A new connection has taken over the session. */
  | { type: 'RESUMED' }
  /** It will not come back. */
  | { type: 'CLOSED'; reason: string }
  /** The state's time is up. */
  | { type: 'DEADLINE' };

/**
 * A client: one tab, device or process, from the opening of its connection to the end of its session. Deadlines are
 * events of the server's clock: XState's own delays would cost a walk over all timers of the system each time that
 * an actor stops (ADR 0001).
 */
export const clientMachine = setup({
  types: {
    context: {} as { readonly reason: string | null },
    events: {} as ClientMachineEvent,
  },
  actions: {
    wait: () => {},
    resumed: () => {},
    timeOut: (_, _state: { state: 'connecting' | 'authenticating' }) => {},
    end: () => {},
    because: assign({ reason: (_, { reason }: { reason: string }) => reason }),
  },
}).createMachine({
  id: 'client',
  context: { reason: null },
  initial: 'connecting',
  on: {
    CLOSED: { target: '.gone', actions: { type: 'because', params: ({ event }) => event } },
  },
  states: {
    connecting: {
      on: {
        CONNECT: 'authenticating',
        LOST: { target: 'gone', actions: { type: 'because', params: ({ event }) => event } },
        DEADLINE: { actions: { type: 'timeOut', params: { state: 'connecting' } } },
      },
    },
    authenticating: {
      on: {
        AUTHENTICATED: 'online',
        LOST: { target: 'gone', actions: { type: 'because', params: ({ event }) => event } },
        DEADLINE: { actions: { type: 'timeOut', params: { state: 'authenticating' } } },
      },
    },
    online: {
      on: {
        LOST: { target: 'resumable', actions: { type: 'because', params: ({ event }) => event } },
        RESUMED: { actions: 'resumed' },
      },
    },
    resumable: {
      entry: 'wait',
      on: {
        RESUMED: { target: 'online', actions: 'resumed' },
        DEADLINE: 'gone',
      },
    },
    gone: { type: 'final', entry: 'end' },
  },
});
