import { comesBack, disconnectName } from '@callboard/protocol';
import { assign, createMachine, raise, type SnapshotFrom } from 'xstate';
import { LONGEST_MS } from './longest.ts';

/** How a connection ended: a close code of PROTOCOL.md, its name or reason, and when the server wants us back. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
  /** In milliseconds from then; undefined where the server did not say. */
  readonly afterMs: number | undefined;
}

export type ConnectionEvent =
  | { type: 'OPENED' }
  | { type: 'CONNECTED' }
  /** `final`: whatever the code says, coming back is of no use. */
  | ({ type: 'LOST'; final?: boolean } & Ending)
  /** The page can be seen again, or the network is back. */
  | { type: 'WAKE' }
  /** The application wants a connection now. */
  | { type: 'CONNECT' }
  /** The application wants none any more. */
  | { type: 'CLOSE' };

export interface ConnectionContext {
  /** Attempts that failed since the last connection that lasted. */
  readonly failures: number;
  /** How the last connection ended. */
  readonly ending: (Ending & { readonly name: string }) | undefined;
  /** How long it waits before it comes back, in milliseconds. */
  readonly waitMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly random: () => number;
}

export type ConnectionInput = Pick<ConnectionContext, 'minMs' | 'maxMs' | 'random'>;

/** Where a connection's end leads to. */
const lost = [
  { guard: 'comesBack', target: 'reconnecting', actions: 'remember' },
  { target: 'closed', actions: 'remember' },
] as const;

/**
 * A client's connection, over and over. What is to be done is given by the client: `open` a connection, `drop` the one
 * there is, `probe` whether it lives. What follows from a state for sends and subscribers the client does when it is
 * told of the new snapshot, as callbacks must not run within a transition.
 *
 * Made without `setup`, which would bring all of XState's actions along: a thirtieth of the whole bundle.
 */
export const connectionMachine = createMachine(
  {
    types: {} as {
      context: ConnectionContext;
      events: ConnectionEvent;
      input: ConnectionInput;
      actions: {
        type: 'open' | 'drop' | 'probe' | 'remember' | 'closedHere' | 'forgetFailures' | 'noAnswer';
      };
      guards: { type: 'comesBack' | 'mayHurry' };
      delays: 'wait' | 'opening' | 'welcome' | 'lasting';
    },
    id: 'connection',
    context: ({ input }) => ({ ...input, failures: 0, ending: undefined, waitMs: 0 }),
    initial: 'connecting',
    on: { CLOSE: { target: '.closed', actions: 'closedHere' } },
    states: {
      connecting: {
        entry: 'open',
        on: { OPENED: 'authenticating', LOST: lost },
        after: { opening: { actions: ['drop', 'noAnswer'] } },
      },
      authenticating: {
        on: { CONNECTED: 'online', LOST: lost },
        after: { welcome: { actions: ['drop', 'noAnswer'] } },
      },
      online: {
        on: { WAKE: { actions: 'probe' }, LOST: lost },
        after: { lasting: { actions: 'forgetFailures' } },
      },
      reconnecting: {
        on: {
          WAKE: { guard: 'mayHurry', target: 'connecting' },
          CONNECT: 'connecting',
        },
        after: { wait: 'connecting' },
      },
      closed: {
        on: { CONNECT: 'connecting' },
      },
    },
  },
  {
    actions: {
      open: () => {},
      drop: () => {},
      probe: () => {},
      /** Full jitter: anything up to a bound that doubles with each failure. The server's own word is kept to. */
      remember: assign(({ context, event }) => {
        if (event.type !== 'LOST') return {};
        const { code, reason, afterMs } = event;
        const bound = Math.min(context.maxMs, context.minMs * 2 ** context.failures);
        return {
          ending: { code, reason, afterMs, name: disconnectName(code) },
          failures: context.failures + 1,
          waitMs: Math.min(afterMs ?? context.random() * bound, LONGEST_MS),
        };
      }),
      closedHere: assign({
        ending: { code: 1000, name: '1000', reason: 'closed by the application', afterMs: undefined },
      }),
      forgetFailures: assign({ failures: 0 }),
      noAnswer: raise({ type: 'LOST', code: 1006, reason: 'no answer in time', afterMs: undefined }),
    },
    guards: {
      comesBack: ({ event }) => event.type === 'LOST' && !event.final && comesBack(event.code),
      mayHurry: ({ context }) => context.ending?.afterMs === undefined,
    },
    delays: {
      wait: ({ context }) => context.waitMs,
      /** To open a connection. */
      opening: 15_000,
      /** For the welcome: a little longer than a server's own deadline. */
      welcome: 12_000,
      /** A connection that ends sooner was none: a server that takes clients and throws them out is not run over. */
      lasting: 5_000,
    },
  },
);

export type ConnectionState = 'connecting' | 'authenticating' | 'online' | 'reconnecting' | 'closed';
export type ConnectionSnapshot = Omit<SnapshotFrom<typeof connectionMachine>, 'value'> & {
  readonly value: ConnectionState;
};
