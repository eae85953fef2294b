import { type Channel, SendError, type Unsubscribe } from '@callboard/client';
import type { BoxOfficeClient } from './client.ts';
import { type Failure, failureOf } from './failure.ts';
import type { PromptBook } from './prompt-book.ts';

export interface ListeningOptions {
  readonly client: BoxOfficeClient;
  readonly book: PromptBook;
  readonly channel: Pick<Channel, 'name' | 'joined'>;
  /** Begins to hear; called again when asked for anew. */
  readonly subscribe: () => Unsubscribe;
  /** Whether the server would say if anything changed; and why it does not, where it refuses. */
  readonly changed: (current: boolean, failure?: Failure) => void;
}

/** Hears a channel, or a filter, from now on until it is closed, over lost lines and new sessions. */
export class Listening {
  readonly #options: ListeningOptions;
  readonly #line: { unsubscribe(): void }[];
  #leave: Unsubscribe;
  #isClosed = false;

  constructor(options: ListeningOptions) {
    this.#options = options;
    const { client, changed } = options;
    this.#leave = options.subscribe();
    if (client.isConnected()) void this.#joined();
    this.#line = [
      client.connected$.subscribe(() => void this.#joined()),
      client.status$.subscribe(() => client.isConnected() || changed(false)),
    ];
  }

  again(): void {
    this.#leave();
    this.#leave = this.#options.subscribe();
    void this.#joined();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const each of this.#line) each.unsubscribe();
    this.#leave();
  }

  async #joined(): Promise<void> {
    const { channel, book, changed } = this.#options;
    try {
      await channel.joined();
      if (this.#isClosed) return;
      book.write('channel', channel.name, 'joined');
      changed(true);
    } catch (error) {
      // Otherwise the client is closed: nobody looks any more.
      if (error instanceof SendError && !this.#isClosed) changed(false, failureOf(error, 'It', words));
    }
  }
}

const words = { FORBIDDEN: 'The house does not tell you that.' };
