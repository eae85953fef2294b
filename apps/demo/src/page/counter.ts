import type { SendError } from '@callboard/client';
import type { HouseState } from '../shared/show-channel.ts';
import type { ShowId } from '../shared/shows.ts';
import type { BoxOfficeClient } from './client.ts';
import { type Failure, failureOf } from './failure.ts';
import type { PromptBook } from './prompt-book.ts';
import type { Reservations } from './reservations.ts';
import { Store } from './store.ts';

export interface Ticket {
  readonly seat: string;
  /** Milliseconds from the asking to the answer. */
  readonly tookMs: number;
}

export interface CounterView {
  /** Those that this tab took and that were not returned since, the latest first. */
  readonly tickets: readonly Ticket[];
  readonly asking: boolean;
  readonly failure?: Failure;
  readonly retry?: () => void;
  /** As it was when the server was last asked. */
  readonly house?: HouseState;
  /** How long the last count took, in milliseconds. */
  readonly countedInMs?: number;
}

export interface CounterOptions {
  readonly client: BoxOfficeClient;
  readonly book: PromptBook;
  readonly reservations: Reservations;
  readonly tonight: ShowId;
  readonly cutLine: () => void;
}

/** Seats for tonight: each is taken once, or it is said that nobody knows. */
export class Counter extends Store<CounterView> {
  readonly #client: BoxOfficeClient;
  readonly #cutLine: () => void;
  readonly #book: PromptBook;

  constructor({ client, book, reservations, tonight, cutLine }: CounterOptions) {
    super({ tickets: [], asking: false });
    this.#client = client;
    this.#cutLine = cutLine;
    this.#book = book;
    client.connected$.subscribe(({ resumed }) => {
      if (!resumed) void this.count();
    });
    reservations.subscribe(() => {
      const { seats } = reservations.of(tonight);
      const { tickets } = this.get();
      const kept = tickets.filter(({ seat }) => seats.includes(seat));
      if (kept.length < tickets.length) this.set({ ...this.get(), tickets: kept });
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
      const house = await this.#book.timed(
        'SEATS_LEFT',
        () => this.#client.sendToServer({ type: 'SEATS_LEFT' }, { resend: true }),
        (reply) => `${reply.left} of ${reply.of}`,
      );
      this.set({ ...this.get(), house, countedInMs: performance.now() - startedAt });
    } catch {
      // It is in the prompt book; there is a button.
    }
  }

  forget(): void {
    const { failure: _, retry: __, ...rest } = this.get();
    this.set(rest);
  }

  async #attempt(ask: () => Promise<Taken>): Promise<void> {
    this.forget();
    this.set({ ...this.get(), asking: true });
    const startedAt = performance.now();
    try {
      const { seat, ...house } = await this.#book.timed('TAKE_SEAT', ask, (reply) => `seat ${reply.seat}`);
      const ticket = { seat, tookMs: performance.now() - startedAt };
      this.set({ ...this.get(), asking: false, house, tickets: [ticket, ...this.get().tickets] });
    } catch (cause) {
      const error = cause as SendError<Taken>;
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

type Taken = HouseState & { readonly seat: string };

const words = {
  SOLD_OUT: 'The house is full: every seat for tonight is taken. None was taken for you.',
  TOO_MANY: 'You hold as many as one may. None was taken for you.',
};
