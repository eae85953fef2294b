import type { SendError } from '@callboard/client';
import type { BoxOfficeClient } from './client.ts';
import { type Failure, failureOf } from './failure.ts';
import type { PromptBook } from './prompt-book.ts';
import { Store } from './store.ts';

export interface Ticket {
  readonly seat: string;
  /** Milliseconds from the asking to the answer. */
  readonly tookMs: number;
}

export interface CounterView {
  /** Those that this tab took, the latest first. */
  readonly tickets: readonly Ticket[];
  readonly asking: boolean;
  readonly failure?: Failure;
  readonly retry?: () => void;
  /** How many seats were left when the server last said so. */
  readonly left?: number;
  readonly of?: number;
  /** How long the last count took, in milliseconds. */
  readonly countedInMs?: number;
}

/** Seats for tonight: each is taken once, or it is said that nobody knows. */
export class Counter extends Store<CounterView> {
  readonly #client: BoxOfficeClient;
  readonly #cutLine: () => void;
  readonly #book: PromptBook;

  constructor(client: BoxOfficeClient, cutLine: () => void, book: PromptBook) {
    super({ tickets: [], asking: false });
    this.#client = client;
    this.#cutLine = cutLine;
    this.#book = book;
    client.connected$.subscribe(({ resumed }) => {
      if (!resumed) void this.count();
    });
  }

  take(): void {
    void this.#attempt(() => this.#client.sendToServer({ type: 'TAKE_SEAT' }));
  }

  /** The request goes out, and no answer can come. */
  takeAndTrip(): void {
    this.take();
    this.#cutLine();
  }

  async count(): Promise<void> {
    const startedAt = performance.now();
    try {
      const { left, of } = await this.#book.timed(
        'SEATS_LEFT',
        () => this.#client.sendToServer({ type: 'SEATS_LEFT' }, { resend: true }),
        (reply) => `${reply.left} of ${reply.of}`,
      );
      this.set({ ...this.get(), left, of, countedInMs: performance.now() - startedAt });
    } catch {
      // It is in the prompt book; there is a button.
    }
  }

  forget(): void {
    const { failure: _, retry: __, ...rest } = this.get();
    this.set(rest);
  }

  async #attempt(ask: () => Promise<{ readonly seat: string; readonly left: number }>): Promise<void> {
    this.forget();
    this.set({ ...this.get(), asking: true });
    const startedAt = performance.now();
    try {
      const { seat, left } = await this.#book.timed('TAKE_SEAT', ask, (reply) => `seat ${reply.seat}`);
      const ticket = { seat, tookMs: performance.now() - startedAt };
      this.set({ ...this.get(), asking: false, left, tickets: [ticket, ...this.get().tickets] });
    } catch (cause) {
      const error = cause as SendError<{ seat: string; left: number }>;
      const failure = failureOf(error, 'The seat', words);
      this.set({
        ...this.get(),
        asking: false,
        failure,
        ...(failure.again && { retry: () => void this.#attempt(error.retry) }),
      });
    }
  }
}

const words = { SOLD_OUT: 'The house is full: every seat for tonight is taken. None was taken for you.' };
