import { Store } from './store.ts';

export type EntryKind =
  | 'message'
  | 'event'
  | 'gap'
  | 'reply'
  | 'failure'
  | 'line'
  | 'channel'
  | 'publication'
  | 'page';

/** One line of the prompt book. */
export interface Entry {
  readonly id: number;
  readonly at: number;
  readonly kind: EntryKind;
  /** The action's or event's type, or what happened. */
  readonly what: string;
  readonly about: string;
  /** It was sent while this tab was away. */
  readonly recovered: boolean;
  /** Round trip, in milliseconds. */
  readonly tookMs?: number;
}

const MAX_ENTRIES = 200;

/** What happened on this tab's line, the latest first. It forgets what is long ago. */
export class PromptBook extends Store<readonly Entry[]> {
  #lastId = 0;

  constructor() {
    super([]);
  }

  write(
    kind: EntryKind,
    what: string,
    about = '',
    more: { recovered?: boolean; tookMs?: number } = {},
  ): void {
    const entry = { id: ++this.#lastId, at: Date.now(), kind, what, about, recovered: false, ...more };
    this.set([entry, ...this.get()].slice(0, MAX_ENTRIES));
  }

  /** Writes down how long the reply took, or why there is none. */
  async timed<T>(what: string, send: () => Promise<T>, about: (reply: T) => string = () => ''): Promise<T> {
    const startedAt = performance.now();
    try {
      const reply = await send();
      this.write('reply', what, about(reply), { tookMs: performance.now() - startedAt });
      return reply;
    } catch (error) {
      const { code = 'FAILED' } = error as { code?: string };
      this.write('failure', what, code);
      throw error;
    }
  }
}
