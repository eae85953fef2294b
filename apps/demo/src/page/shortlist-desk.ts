import type { SendError } from '@callboard/client';
import { INBOX } from '@callboard/protocol';
import { equal, listed, type Mark, marked, merge, type Shortlist } from '../shared/shortlist.ts';
import type { ShowId } from '../shared/shows.ts';
import type { BoxOfficeClient } from './client.ts';
import type { PromptBook } from './prompt-book.ts';
import { Store } from './store.ts';

export interface ShortlistView {
  readonly shortlist: Shortlist;
  /** Marks that the server is not known to have. */
  readonly unsent: number;
}

/** What another tab did to the shortlist. */
export interface ShortlistChange {
  readonly show: string;
  readonly listed: boolean;
}

/**
 * The shortlist of one tab, equal in all tabs of the user: each tells the others what it has, and who missed something
 * asks the server. As merging does no harm, whatever is in doubt is simply sent again.
 */
export class ShortlistDesk extends Store<ShortlistView> {
  readonly #client: BoxOfficeClient;
  readonly #book: PromptBook;
  readonly #changed: (change: ShortlistChange) => void;
  /** Not the client's id: that is another one in a new session, and none before the first. */
  readonly #writer = crypto.randomUUID();
  /** What the server has, as far as is known here. */
  #confirmed: Shortlist = {};
  #sending = 0;

  constructor(client: BoxOfficeClient, book: PromptBook, changed: (change: ShortlistChange) => void) {
    super({ shortlist: {}, unsent: 0 });
    this.#client = client;
    this.#book = book;
    this.#changed = changed;
    client.subscribe('SHORTLIST_UPDATE', ({ state }) => {
      this.#confirmed = merge(this.#confirmed, known(state));
      this.#take(known(state));
    });
    // A new session is another client: below.
    client.gaps$.subscribe(({ stream, reason }) => {
      if (stream === INBOX && reason !== 'session') void this.#reconcile();
    });
    client.connected$.subscribe(({ resumed }) => {
      if (!resumed) void this.#reconcile();
      else if (this.get().unsent > 0 && this.#sending === 0) void this.#send();
    });
  }

  toggle(show: ShowId): void {
    const { shortlist } = this.get();
    const by = { writer: this.#writer, now: Date.now() };
    this.#show(marked(shortlist, show, !shortlist[show]?.listed, by));
    void this.#send();
  }

  /** What the server has, and what this tab has, become the same. */
  async #reconcile(): Promise<void> {
    try {
      const { state } = await this.#book.timed(
        'SHORTLIST',
        () => this.#client.sendToServer({ type: 'SHORTLIST' }, { resend: true }),
        (reply) => `${listed(known(reply.state)).length} listed`,
      );
      this.#confirmed = known(state);
      this.#take(known(state));
      if (this.get().unsent > 0) await this.#send();
    } catch {
      // It is in the prompt book, and the next session asks again.
    }
  }

  async #send(): Promise<void> {
    const { shortlist: state } = this.get();
    this.#sending++;
    try {
      await this.#book.timed('SHORTLIST_UPDATE', () =>
        this.#client.broadcast({ type: 'SHORTLIST_UPDATE', state }, { resend: true }),
      );
      this.#confirmed = merge(this.#confirmed, state);
      this.#show(this.get().shortlist);
    } catch (error) {
      // Nobody need ask the user: what may have arrived can be compared, and what has not goes with the next connection.
      if ((error as SendError).effect === 'perhaps' && this.#client.isConnected()) void this.#reconcile();
    } finally {
      this.#sending--;
    }
  }

  #take(state: Shortlist): void {
    const before = this.get().shortlist;
    this.#show(merge(before, state));
    for (const [show, mark] of Object.entries(this.get().shortlist)) {
      if (mark.listed !== (before[show]?.listed ?? false)) this.#changed({ show, listed: mark.listed });
    }
  }

  #show(shortlist: Shortlist): void {
    const unsent = Object.keys(shortlist).filter(
      (show) => !equal(only(shortlist, show), only(this.#confirmed, show)),
    ).length;
    this.set({ shortlist, unsent });
  }
}

const only = (shortlist: Shortlist, show: string): Shortlist => {
  const mark = shortlist[show];
  return mark === undefined ? {} : { [show]: mark };
};

/** Optional shows of the contract's record are absent, not undefined: nothing else can be in JSON. */
const known = (state: Partial<Record<string, Mark>>): Shortlist => state as Shortlist;
