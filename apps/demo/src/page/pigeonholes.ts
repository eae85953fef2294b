import type { SendError } from '@callboard/client';
import { INBOX } from '@callboard/protocol';
import type { BoxOfficeClient } from './client.ts';
import { type Failure, failureOf } from './failure.ts';
import type { PromptBook } from './prompt-book.ts';
import { Store } from './store.ts';

export interface Note {
  readonly id: number;
  readonly at: number;
  readonly text: string;
  /** A user's id. */
  readonly from: string;
  /** It was sent while this tab was away. */
  readonly recovered: boolean;
}

/** A note on its way out, until it is forgotten. */
export interface Outgoing {
  readonly id: number;
  readonly text: string;
  /** A user's id. */
  readonly to: string;
  readonly state: 'sending' | 'delivered' | 'failed';
  readonly failure?: Failure;
  readonly retry?: () => void;
}

export interface PigeonholesView {
  /** The latest first. */
  readonly notes: readonly Note[];
  /** The latest first. */
  readonly outgoing: readonly Outgoing[];
  /** When the server last said that messages are lost for this tab. */
  readonly gapAt?: number;
}

const MAX_NOTES = 50;
const MAX_OUTGOING = 5;

/** Notes from and to other users. */
export class Pigeonholes extends Store<PigeonholesView> {
  readonly #client: BoxOfficeClient;
  readonly #book: PromptBook;
  #lastId = 0;

  constructor(client: BoxOfficeClient, book: PromptBook, arrived: (note: Note) => void) {
    super({ notes: [], outgoing: [] });
    this.#client = client;
    this.#book = book;
    client.subscribe('NOTE', ({ text }, delivery) => {
      if (delivery.kind !== 'message') return;
      const { from, recovered } = delivery;
      const note = { id: ++this.#lastId, at: Date.now(), text, from: from?.userId ?? '', recovered };
      this.set({ ...this.get(), notes: [note, ...this.get().notes].slice(0, MAX_NOTES) });
      arrived(note);
    });
    client.gaps$.subscribe(({ stream }) => {
      if (stream === INBOX) this.set({ ...this.get(), gapAt: Date.now() });
    });
  }

  send(to: string, text: string): void {
    const id = ++this.#lastId;
    const outgoing: Outgoing = { id, text, to, state: 'sending' };
    this.set({ ...this.get(), outgoing: [outgoing, ...this.get().outgoing].slice(0, MAX_OUTGOING) });
    void this.#attempt(id, () => this.#client.sendToUser({ type: 'NOTE', text }, to));
  }

  forget(id: number): void {
    this.set({ ...this.get(), outgoing: this.get().outgoing.filter((each) => each.id !== id) });
  }

  async #attempt(id: number, send: () => Promise<void>): Promise<void> {
    this.#change(id, { state: 'sending' });
    try {
      await this.#book.timed('NOTE', send);
      this.#change(id, { state: 'delivered' });
    } catch (cause) {
      const error = cause as SendError<void>;
      const failure = failureOf(error, 'The note', words);
      this.#change(id, {
        state: 'failed',
        failure,
        ...(failure.again && { retry: () => void this.#attempt(id, error.retry) }),
      });
    }
  }

  #change(id: number, change: Pick<Outgoing, 'state' | 'failure' | 'retry'>): void {
    const outgoing = this.get().outgoing.map((each): Outgoing => {
      if (each.id !== id) return each;
      return { id, text: each.text, to: each.to, ...change };
    });
    this.set({ ...this.get(), outgoing });
  }
}

/** The server refuses notes for who is not there. */
const words = {
  FORBIDDEN: 'They are not in the house, and nothing is kept overnight. The note was not delivered.',
};
