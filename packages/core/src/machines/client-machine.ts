import { assign, setup } from 'xstate';

export type ClientMachineEvent =
  /** The connection is gone, and whoever had it may come back. */
  | { type: 'LOST'; reason: string }
  /** A new connection has taken over the session. */
  | { type: 'RESUMED' }
  /** It will not come back. */
  | { type: 'CLOSED'; reason: string }
  /** The resume window is over. */
  | { type: 'DEADLINE' };

/**
 * A client: one tab, device or process, from its first `connected` to the end of its session. Until then a connection
 * has none (`handshake.ts`): whoever does not authenticate costs no actor. Deadlines are events of the server's clock:
 * XState's own delays cost a walk over all timers of the actor system each time that an actor stops (ADR 0001).
 */
export const clientMachine = setup({
  types: {
    context: {} as { readonly reason: string | null },
    events: {} as ClientMachineEvent,
  },
  actions: {
    wait: () => {},
    resumed: () => {},
    end: () => {},
    because: assign({ reason: (_, { reason }: { reason: string }) => reason }),
  },
}).createMachine({
  id: 'client',
  context: { reason: null },
  initial: 'online',
  on: {
    CLOSED: { target: '.gone', actions: { type: 'because', params: ({ event }) => event } },
  },
  states: {
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
