import type { SendError } from '@callboard/client';
import { INBOX } from '@callboard/protocol';
import type { ShowId } from '../shared/shows.ts';
import type { BoxOfficeClient } from './client.ts';
import { type Failure, failureOf } from './failure.ts';
import type { PromptBook } from './prompt-book.ts';
import { Store } from './store.ts';

/** What the user has of one show, and what this tab is about to change. */
export interface ShowReservations {
  readonly seats: readonly string[];
  readonly reserving: boolean;
  /** Those that are on their way back. */
  readonly returning: readonly string[];
  readonly failure?: Failure;
  readonly retry?: () => void;
}

const none: ShowReservations = { seats: [], reserving: false, returning: [] };

/** The user's seats, equal in all tabs: the server tells them all of each change. */
export class Reservations extends Store<Partial<Record<ShowId, ShowReservations>>> {
  readonly #client: BoxOfficeClient;
  readonly #book: PromptBook;
  readonly #say: (text: string) => void;
  /** Shows of which a message told since the server was last asked. */
  readonly #told = new Set<ShowId>();

  constructor(client: BoxOfficeClient, book: PromptBook, say: (text: string) => void) {
    super({});
    this.#client = client;
    this.#book = book;
    this.#say = say;
    client.subscribe('YOUR_SEATS', ({ show, seats }) => {
      this.#told.add(show);
      this.#change(show, { seats });
    });
    client.connected$.subscribe(({ resumed }) => void (!resumed && this.#ask()));
    // A new session is another client: above.
    client.gaps$.subscribe(({ stream, reason }) => {
      if (stream === INBOX && reason !== 'session') void this.#ask();
    });
  }

  of(show: ShowId): ShowReservations {
    return this.get()[show] ?? none;
  }

  reserve(show: ShowId): void {
    void this.#attempt(show, {
      type: 'TAKE_SEAT',
      send: () => this.#client.sendToServer({ type: 'TAKE_SEAT', show }),
      about: ({ seat }) => `seat ${seat}`,
      under: (reserving) => ({ reserving }),
      done: ({ seat }) => `Seat ${seat} is yours.`,
      thing: 'The seat',
    });
  }

  giveBack(show: ShowId, seat: string): void {
    void this.#attempt(show, {
      type: 'RETURN_SEAT',
      send: () => this.#client.sendToServer({ type: 'RETURN_SEAT', show, seat }),
      about: () => `seat ${seat}`,
      under: (returning) => {
        const others = this.of(show).returning.filter((each) => each !== seat);
        return { returning: returning ? [...others, seat] : others };
      },
      done: () => `Seat ${seat} is returned.`,
      thing: 'The return',
    });
  }

  forget(show: ShowId): void {
    const { failure: _, retry: __, ...rest } = this.of(show);
    this.set({ ...this.get(), [show]: rest });
  }

  async #attempt<R>(show: ShowId, attempt: Attempt<R>): Promise<void> {
    const { type, send, about, under, done, thing } = attempt;
    this.forget(show);
    this.#change(show, under(true));
    try {
      const reply = await this.#book.timed(type, send, about);
      this.#change(show, under(false));
      this.#say(done(reply));
    } catch (cause) {
      const error = cause as SendError<R>;
      const failure = failureOf(error, thing, words);
      this.#change(show, {
        ...under(false),
        failure,
        ...(failure.again && { retry: () => void this.#attempt(show, { ...attempt, send: error.retry }) }),
      });
    }
  }

  /** An answer may be older than a message before it: one that was lost is repeated as it was. So messages win. */
  async #ask(): Promise<void> {
    this.#told.clear();
    try {
      const { seats } = await this.#client.sendToServer({ type: 'MY_SEATS' }, { resend: true });
      const shows = new Set([...Object.keys(this.get()), ...Object.keys(seats)] as ShowId[]);
      for (const show of shows) if (!this.#told.has(show)) this.#change(show, { seats: seats[show] ?? [] });
    } catch {
      // The next connection asks again.
    }
  }

  #change(show: ShowId, change: Partial<ShowReservations>): void {
    this.set({ ...this.get(), [show]: { ...this.of(show), ...change } });
  }
}

/** One request, which may be tried again. */
interface Attempt<R> {
  readonly type: string;
  readonly send: () => Promise<R>;
  readonly about: (reply: R) => string;
  /** What is to be seen while it is under way, or no more. */
  readonly under: (way: boolean) => Partial<ShowReservations>;
  /** What a screen reader is told. */
  readonly done: (reply: R) => string;
  readonly thing: string;
}

const words = {
  SOLD_OUT: 'Somebody was quicker: every seat is taken. None was taken for you.',
  TOO_MANY: 'You hold as many as one may. None was taken for you.',
  NOT_YOURS: 'That seat is not yours any more. Nothing was returned.',
};
