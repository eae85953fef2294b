import type { ClientRefetch, Page, Watch, WatchState } from '@callboard/plugin-refetch/client';
import type { BoxOfficeClient } from '../client.ts';
import type { Pass } from '../pass.ts';
import type { PromptBook } from '../prompt-book.ts';
import { type Asking, ask, RestError } from '../rest.ts';
import { Store } from '../store.ts';

export interface Versioned {
  readonly version: number;
}

export interface ResourceView<T> {
  /** As the REST API last told. */
  readonly value?: T;
  /** Whether this page would have been told, had it changed. */
  readonly current: boolean;
  /** Why it may be old, or will be: in words. */
  readonly why?: string;
  /** It is told no more, unless it is asked for anew. */
  readonly ended?: boolean;
  /** When another version came. */
  readonly changedAt?: number;
}

export interface LiveResourceOptions<T> {
  readonly client: BoxOfficeClient;
  readonly refetch: ClientRefetch;
  readonly book: PromptBook;
  readonly pass: Pass;
  /** Of the API, from `/api` on. */
  readonly path: string;
  /** Another version came, and not the first one. */
  readonly changed: (value: T) => void;
}

/**
 * A resource of the REST API that this page has open: looked at once, as everybody looks at it, and from then on fetched by the box
 * office whenever it is another one. That does not count as a look.
 */
export class LiveResource<T extends Versioned> extends Store<ResourceView<T>> {
  readonly #options: LiveResourceOptions<T>;
  readonly #line: { unsubscribe(): void }[];
  #watch: Watch | undefined;
  #isClosed = false;

  constructor(options: LiveResourceOptions<T>) {
    super({ current: false });
    this.#options = options;
    const { client } = options;
    this.#line = [client.status$.subscribe(() => this.#stands())];
    void this.#open();
  }

  /** Asks for it anew, where it has ended. */
  again(): void {
    this.#watch?.unwatch();
    this.#follow();
  }

  /** What the API answers. @throws RestError */
  async change<Answer extends T = T>(
    change: object,
    version: number,
    words: Asking['words'] = {},
  ): Promise<Answer> {
    const { path, pass } = this.#options;
    const asking = { method: 'PATCH', body: change, version, token: pass.token, words } as const;
    const changed = await ask<Answer>(pathIn(path), asking);
    // The page that is pushed may have been quicker.
    if (changed.version > (this.get().value?.version ?? 0)) this.#know(changed);
    return changed;
  }

  close(): void {
    this.#isClosed = true;
    for (const each of this.#line) each.unsubscribe();
    this.#watch?.unwatch();
  }

  async #open(): Promise<void> {
    // React opens some of them to close them at once: nobody has looked then.
    await Promise.resolve();
    if (this.#isClosed) return;
    const { path, pass } = this.#options;
    try {
      this.#know(await ask<T>(pathIn(path), { token: pass.token }));
    } catch (error) {
      // The watch finds out the same, and goes on trying.
      if (!(error instanceof RestError)) throw error;
    }
    if (!this.#isClosed) this.#follow();
  }

  #follow(): void {
    const { refetch, path } = this.#options;
    const watch = refetch.watch(path);
    this.#watch = watch;
    watch.subscribe((page) => this.#told(page));
    watch.state$.subscribe(() => this.#stands());
  }

  #told({ status, body, reason }: Page): void {
    const { book, path } = this.#options;
    book.write('page', path, `${status}, ${reasons[reason]}`);
    if (status === 200) this.#know(body as T);
  }

  #know(value: T): void {
    const before = this.get().value;
    const isNews = before !== undefined && before.version !== value.version;
    this.set({ ...this.get(), value, ...(isNews && { changedAt: Date.now() }) });
    if (isNews) this.#options.changed(value);
  }

  /** How it stands with what this page knows. */
  #stands(): void {
    if (this.#isClosed) return;
    const { value, changedAt } = this.get();
    const known = { ...(value && { value }), ...(changedAt && { changedAt }) };
    const state: WatchState = this.#watch?.state ?? { state: 'opening' };
    if (state.state === 'ended')
      return this.set({ ...known, current: false, ended: true, why: whyEnded(state.code) });
    if (!this.#options.client.isConnected())
      return this.set({ ...known, current: false, why: 'As it was when the line went.' });
    if (state.state === 'stale')
      return this.set({ ...known, current: false, why: `The REST API does not answer (${state.why}).` });
    this.set({ ...known, current: state.state === 'live' });
  }
}

/** `ask` knows where the API is. */
const pathIn = (path: string) => path.replace(/^\/api/, '');
const reasons = { first: 'the first', bump: 'after a bump', revalidated: 'after a gap' } as const;

function whyEnded(code: string): string {
  return endings[code] ?? `The box office does not tell any more (${code}).`;
}

const endings: Readonly<Record<string, string>> = {
  UNAUTHORIZED: 'The REST API does not take your pass any more.',
  HTTP_403: 'This is not for you.',
  HTTP_404: 'There is no such thing any more.',
  CLOSED: 'The line is closed.',
};
