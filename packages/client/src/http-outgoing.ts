import { byteLength } from './utf8.ts';

/** Frames on their way up. They are numbered from 1, and go again until the server has said that it took them. */
export class Outgoing {
  /** Of one body. */
  maxBytes = Number.POSITIVE_INFINITY;
  /** The number of the first that was not taken. */
  #first = 1;
  #frames: string[] = [];

  get empty(): boolean {
    return this.#frames.length === 0;
  }

  push(text: string): void {
    this.#frames.push(text);
  }

  /** As many as one body holds, but one at least, where there is one. `all`: nothing is left. */
  next(): { first: number; body: string; count: number; all: boolean } {
    let count = 0;
    for (let bytes = 0; count < this.#frames.length; count++) {
      bytes += byteLength(this.#frames[count] as string) + 1;
      if (count > 0 && bytes > this.maxBytes) break;
    }
    const body = this.#frames.slice(0, count).join('\n');
    return { first: this.#first, body, count, all: count === this.#frames.length };
  }

  taken(count: number): void {
    this.#first += count;
    this.#frames = this.#frames.slice(count);
  }
}
