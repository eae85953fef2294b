import { assign, fromPromise, setup } from 'xstate';

export type ServerMachineEvent = { type: 'START' } | { type: 'STOP' };

/** A server's life. `open` and `drain` are given by the server itself. */
export const serverMachine = setup({
  types: {
    context: {} as { readonly error: unknown },
    events: {} as ServerMachineEvent,
  },
  actors: {
    open: fromPromise<void>(async () => {}),
    drain: fromPromise<void>(async () => {}),
  },
  actions: { announce: (_, _state: { state: 'STARTED' | 'DRAINING' | 'STOPPED' }) => {} },
}).createMachine({
  id: 'server',
  context: { error: undefined },
  initial: 'stopped',
  states: {
    stopped: { on: { START: 'starting' } },
    starting: {
      invoke: {
        src: 'open',
        onDone: { target: 'running', actions: { type: 'announce', params: { state: 'STARTED' } } },
        onError: { target: 'stopped', actions: assign({ error: ({ event }) => event.error }) },
      },
      entry: assign({ error: undefined }),
    },
    running: { on: { STOP: 'draining' } },
    draining: {
      entry: { type: 'announce', params: { state: 'DRAINING' } },
      invoke: {
        src: 'drain',
        onDone: { target: 'stopped', actions: { type: 'announce', params: { state: 'STOPPED' } } },
        onError: { target: 'stopped', actions: assign({ error: ({ event }) => event.error }) },
      },
    },
  },
});
