import type { Link } from '../link.ts';
import type { Channel, Publication } from './channel.ts';

interface Waiting {
  /** Of the first publication that another one has taken the place of, or the latest itself. */
  readonly first: number;
  readonly epoch: string;
  readonly latest: Publication;
}

/** What waits for a connection that takes no more: of each channel the latest publication. */
export class Conflation {
  readonly #link: Link;
  readonly #maxLength: number;
  /** By channel. */
  readonly #waiting = new Map<string, Waiting>();
  #length = 0;

  /** @param maxLength UTF-16 units that may wait: there may be any number of channels, and new ones all the time. */
  constructor(link: Link, maxLength: number) {
    this.#link = link;
    this.#maxLength = maxLength;
  }

  /** Puts it in the place of the one before, where one waits already or the connection is congested; else nothing. */
  takes(publication: Publication): boolean {
    const { channel, offset } = publication;
    const { name, feed } = channel;
    const before = this.#waiting.get(name);
    if (before === undefined && !this.#link.congested) return false;
    if (this.#waiting.size === 0) this.#link.awaitRelief();
    // At the end: in the order of what is sent.
    this.#forget(name);
    const { epoch } = feed.position;
    const first = before?.latest.channel === channel ? before.first : offset;
    this.#waiting.set(name, { epoch, first, latest: publication });
    this.#length += publication.text.length;
    if (this.#length > this.#maxLength) this.#link.overflowed();
    return true;
  }

  /** Sends what waits; as much as the connection takes. */
  release(): void {
    for (const name of this.#waiting.keys()) {
      if (this.#link.congested) return this.#link.awaitRelief();
      this.flush(name);
    }
  }

  /** Sends what waits of this channel, now, where the client still reads it: something else is to follow it. */
  flush(name: string): void {
    const waiting = this.#waiting.get(name);
    if (waiting === undefined) return;
    this.#forget(name);
    const { epoch, first, latest } = waiting;
    if (this.#link.client?.reads(latest.channel) !== true) return;
    if (latest.offset > first) {
      const from = { epoch, offset: first - 1 };
      const to = { epoch, offset: latest.offset - 1 };
      this.#link.gap({ stream: name, from, to, reason: 'conflated' });
    }
    this.#link.deliverNow(latest);
  }

  /** The client reads this one no more by its name. What it does not read through a filter any more is found when it is sent. */
  left(channel: Channel): void {
    if (this.#waiting.has(channel.name) && this.#link.client?.reads(channel) !== true)
      this.#forget(channel.name);
  }

  #forget(name: string): void {
    this.#length -= this.#waiting.get(name)?.latest.text.length ?? 0;
    this.#waiting.delete(name);
  }
}
