import { type Awaitable, type Clock, definePlugin, type Limits, ReplyError } from '@callboard/core';
import type { AnyAction } from '@callboard/protocol';
import { filter, map } from 'rxjs';

/** What clients call; named for how it is answered. */
export const calls = ['NOW', 'LATER', 'NEVER', 'THROWS', 'SOLD_OUT', 'BUSY', 'SELF'] as const;

/** What may become of an action at the server, before it takes effect. */
export type Fate = 'passes' | 'waits' | 'is held back' | 'fails a plugin';

export const limits = {
  requestTimeoutMs: 10_000,
  resumeWindowMs: 20_000,
  pingIntervalMs: 10_000,
  pongTimeoutMs: 3_000,
  maxOutboxBytes: 6_000,
  maxFrameBytes: 4_000,
} as const satisfies Partial<Limits>;
export const retention = { maxEntries: 6, maxLength: 100_000, ttlMs: 40_000 };

interface Running {
  readonly id: string;
  end(how: 'answers' | 'throws'): void;
}

/** The application on the server: its handlers, and what is in their way. */
export class Service {
  /** Whether the verifier lets clients in. */
  lets: 'in' | 'in later' | 'fail' = 'in';
  #slow = false;
  readonly #clock: Clock;
  /** How often each action was handled. */
  readonly #handled = new Map<string, number>();
  readonly #running: Running[] = [];
  readonly #busy = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  handled(id: string): number {
    return this.#handled.get(id) ?? 0;
  }

  runs(id: string): boolean {
    return this.#running.some((running) => running.id === id);
  }

  /** One that answers later does so now. */
  answer(pick: number, how: 'answers' | 'throws'): void {
    this.#running.splice(pick % Math.max(1, this.#running.length), 1)[0]?.end(how);
  }

  answerAll(): void {
    for (const running of this.#running.splice(0)) running.end('answers');
  }

  readonly verifyClient = (): Awaitable<boolean> => {
    if (this.lets === 'fail') throw new Error('the directory is down');
    if (this.lets === 'in') return true;
    // The next one overtakes it.
    this.#slow = !this.#slow;
    return this.#after(this.#slow ? 1_500 : 40).then(() => true);
  };

  readonly canSend = ({ action }: { readonly action: AnyAction }): Awaitable<boolean> =>
    action.fate === 'waits' ? this.#after(Number(action.waitMs)).then(() => true) : true;

  get handlers() {
    type Context = { readonly action: AnyAction; sendToClient(action: AnyAction): Promise<void> };
    const handler =
      (answer: (id: string, context: Context) => unknown) =>
      (context: Context): unknown => {
        const { id } = context.action as unknown as { id: string };
        this.#handled.set(id, this.handled(id) + 1);
        return answer(id, context);
      };
    return {
      NOW: handler((id) => ({ id })),
      LATER: handler((id) => this.#later(id)),
      NEVER: handler(() => new Promise(() => {})),
      THROWS: handler(() => {
        throw new Error('the handler failed');
      }),
      SOLD_OUT: handler(() => {
        throw new ReplyError('SOLD_OUT');
      }),
      BUSY: (context: Context) => this.#orBusy(context),
      SELF: handler(async (id, { sendToClient }) => {
        await sendToClient({ type: 'MESSAGE', id: `${id} to itself` });
        return { id };
      }),
    };
  }

  /** What delays and refuses. */
  get plugin() {
    return definePlugin({
      name: 'obstacles',
      setup: ({ check, inbound }) => {
        check(({ frame }) =>
          fateOf(frame) === 'waits' && 'action' in frame
            ? this.#after(Number(frame.action.waitMs))
            : undefined,
        );
        inbound(filter(({ frame }) => fateOf(frame) !== 'is held back'));
        inbound(
          map((received) => {
            if (fateOf(received.frame) === 'fails a plugin') throw new Error('a plugin failed');
            return received;
          }),
        );
      },
    });
  }

  /** The first time there is no time. */
  #orBusy({ action }: { readonly action: AnyAction }): unknown {
    const id = String(action.id);
    if (!this.#busy.has(id)) {
      this.#busy.add(id);
      throw new ReplyError('BUSY', { retryable: true });
    }
    this.#handled.set(id, this.handled(id) + 1);
    return { id };
  }

  #later(id: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#running.push({
        id,
        end: (how) => (how === 'answers' ? resolve({ id }) : reject(new Error('failed in the end'))),
      });
    });
  }

  #after(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimeout(resolve, ms));
  }
}

function fateOf(frame: object): unknown {
  return (frame as { action?: AnyAction }).action?.fate;
}
