import type { Clock } from '@callboard/core';

export interface KeptEvents {
  /** The broker has said what it keeps, or the most of it. */
  said(): void;
  /** It does not keep any more what it did. */
  gone(topics: readonly string[]): void;
  /** What it says cannot be heard just now. */
  busy(): boolean;
}

/** How long after the last of it no more comes of what a broker keeps: there is no other sign of the end. */
const SILENCE_MS = 5_000;

/** Topics of which a broker keeps the message that is their channel's last value, as far as it has said. */
export class Kept {
  readonly #clock: Clock;
  readonly #events: KeptEvents;
  readonly #topics = new Set<string>();
  /** Of which it has not said so over this connection. */
  #doubted = new Set<string>();
  #saying = false;
  #came = false;
  #timer: unknown;

  constructor(clock: Clock, events: KeptEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  /** The broker says what it keeps, rather than what is published. */
  get saying(): boolean {
    return this.#saying;
  }

  /** It is there, and will say anew what it keeps. */
  connected(): void {
    this.#saying = true;
    this.#doubted = new Set(this.#topics);
  }

  /** It knows that it is asked. */
  asked(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#saying = false;
      this.#events.said();
      this.#whenSilent();
    }, SILENCE_MS);
  }

  lost(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#saying = false;
  }

  /** Some of it has come. */
  came(): void {
    this.#came = true;
  }

  /** It keeps what the channel has. */
  has(topic: string): void {
    this.#topics.add(topic);
    this.#doubted.delete(topic);
  }

  /** What the channel has is not, or not for certain, what it keeps. */
  hasNot(topic: string): void {
    this.#topics.delete(topic);
    this.#doubted.delete(topic);
  }

  #whenSilent(): void {
    this.#came = false;
    this.#timer = this.#clock.setTimeout(() => {
      if (this.#came || this.#events.busy()) return this.#whenSilent();
      const gone = [...this.#doubted];
      for (const topic of gone) this.hasNot(topic);
      this.#events.gone(gone);
    }, SILENCE_MS);
  }
}
