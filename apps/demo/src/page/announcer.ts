import { Store } from './store.ts';

export interface Announcement {
  readonly id: number;
  readonly text: string;
}

const MAX_KEPT = 5;
const REST_MS = 1_000;

/** What a screen reader should say, in order; the last few stay, so that none is cut short by the next. */
export class Announcer extends Store<readonly Announcement[]> {
  #lastId = 0;
  readonly #resting = new Map<string, ReturnType<typeof setTimeout>>();

  constructor() {
    super([]);
  }

  say(text: string): void {
    this.set([...this.get(), { id: ++this.#lastId, text }].slice(-MAX_KEPT));
  }

  /** For what may change quickly: only the last word of a topic is said, once that has rested for a second. */
  sayAtRest(topic: string, text: string): void {
    this.hush(topic);
    const timer = setTimeout(() => {
      this.#resting.delete(topic);
      this.say(text);
    }, REST_MS);
    this.#resting.set(topic, timer);
  }

  /** What was to be said of it is of no interest any more. */
  hush(topic: string): void {
    clearTimeout(this.#resting.get(topic));
    this.#resting.delete(topic);
  }
}
