import { Store } from './store.ts';

export interface Announcement {
  readonly id: number;
  readonly text: string;
}

const MAX_KEPT = 5;

/** What a screen reader should say, in order; the last few stay, so that none is cut short by the next. */
export class Announcer extends Store<readonly Announcement[]> {
  #lastId = 0;

  constructor() {
    super([]);
  }

  say(text: string): void {
    this.set([...this.get(), { id: ++this.#lastId, text }].slice(-MAX_KEPT));
  }
}
