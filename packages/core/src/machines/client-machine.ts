import { setup } from 'xstate';

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
    events: {} as ClientMachineEvent,
  },
  actions: {
    wait: () => {},
    resumed: () => {},
    end: () => {},
  },
}).createMachine({
  id: 'client',
  initial: 'online',
  on: {
    CLOSED: '.gone',
  },
  states: {
    online: {
      on: {
        LOST: 'resumable',
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
