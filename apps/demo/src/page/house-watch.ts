import { type Channel, SendError, type Unsubscribe } from '@callboard/client';
import { channelOf, type LiveHouse } from '../shared/show-channel.ts';
import type { ShowId } from '../shared/shows.ts';
import type { BoxOfficeClient } from './client.ts';
import { type Failure, failureOf } from './failure.ts';
import { houseInWords } from './in-words.ts';
import type { PromptBook } from './prompt-book.ts';
import { Store } from './store.ts';

export interface HouseView {
  /** As of the last word from the server. */
  readonly house?: LiveHouse;
  /** Whether the server would have said so, had anything changed. */
  readonly current: boolean;
  /** How many seats came back, or less than 0 where they went, and when. */
  readonly change?: { readonly by: number; readonly at: number };
  /** Why the server does not tell. */
  readonly failure?: Failure;
}

export interface HouseWatchOptions {
  readonly client: BoxOfficeClient;
  readonly book: PromptBook;
  readonly show: ShowId;
  /** Another number of seats is left than before: not called for the first one. */
  readonly changed: (house: LiveHouse) => void;
  readonly closed: () => void;
}

/** How one show's house is, live: in its channel from now on, until it is closed. */
export class HouseWatch extends Store<HouseView> {
  readonly #options: HouseWatchOptions;
  readonly #channel: Channel<LiveHouse>;
  readonly #line: { unsubscribe(): void }[];
  #leave!: Unsubscribe;
  #hasJoined = false;
  #isClosed = false;

  constructor(options: HouseWatchOptions) {
    super({ current: false });
    this.#options = options;
    const { client, show } = options;
    this.#channel = client.channel(channelOf(show));
    this.#join();
    if (client.isConnected()) void this.#joined();
    this.#line = [
      client.connected$.subscribe(() => void this.#joined()),
      client.status$.subscribe(() => client.isConnected() || this.set({ ...this.get(), current: false })),
    ];
  }

  /** Asks anew to be let in. */
  again(): void {
    this.#leave();
    this.#join();
    void this.#joined();
  }

  /** Leaves: the server does not send the channel any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const each of this.#line) each.unsubscribe();
    this.#leave();
    this.#options.closed();
    const { name } = this.#channel;
    if (!this.#hasJoined) return;
    this.#channel.joined().then(
      () => this.#options.book.write('channel', name, 'left'),
      () => {},
    );
  }

  #join(): void {
    const { failure: _, ...rest } = this.get();
    this.set(rest);
    this.#leave = this.#channel.subscribe(({ data, retained }) => this.#told(data, retained));
  }

  async #joined(): Promise<void> {
    try {
      await this.#channel.joined();
      if (this.#isClosed) return;
      this.#hasJoined = true;
      this.#options.book.write('channel', this.#channel.name, 'joined');
      this.set({ ...this.get(), current: this.get().house !== undefined });
    } catch (error) {
      // Otherwise the client is closed: nobody looks any more.
      if (error instanceof SendError && !this.#isClosed)
        this.set({ ...this.get(), failure: failureOf(error, 'It', words) });
    }
  }

  /** The last value may be one that was seen before: then nothing has changed. */
  #told(house: LiveHouse, retained: boolean): void {
    const before = this.get().house;
    const by = before === undefined ? 0 : house.left - before.left;
    this.set({ ...this.get(), house, current: true, ...(by !== 0 && { change: { by, at: Date.now() } }) });
    const { book, changed } = this.#options;
    const words = `${houseInWords(house)}, ${house.watching} looking on`;
    book.write('publication', this.#channel.name, retained ? `${words}, the last value` : words);
    if (by !== 0) changed(house);
  }
}

const words = { FORBIDDEN: 'The box office does not say how this house is.' };
