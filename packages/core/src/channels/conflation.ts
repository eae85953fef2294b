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
  /** By channel. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(link: Link) {
    this.#link = link;
  }

  /** Puts it in the place of the one before, where one waits already or the connection is congested; else nothing. */
  takes(publication: Publication): boolean {
    const { channel, offset } = publication;
    const { name, feed } = channel;
    const before = this.#waiting.get(name);
    if (before === undefined && !this.#link.congested) return false;
    if (this.#waiting.size === 0) this.#link.awaitRelief();
    // At the end: in the order of what is sent.
    this.#waiting.delete(name);
    const { epoch } = feed.position;
    this.#waiting.set(name, { epoch, first: before?.first ?? offset, latest: publication });
    return true;
  }

  /** Sends what waits; as much as the connection takes. */
  release(): void {
    for (const name of [...this.#waiting.keys()]) {
      if (this.#link.congested) return this.#link.awaitRelief();
      this.flush(name);
    }
  }

  /** Sends what waits of this channel, now: something else is to follow it. */
  flush(name: string): void {
    const waiting = this.#waiting.get(name);
    if (waiting === undefined) return;
    this.#waiting.delete(name);
    const { epoch, first, latest } = waiting;
    if (latest.offset > first) {
      const from = { epoch, offset: first - 1 };
      const to = { epoch, offset: latest.offset - 1 };
      this.#link.gap({ stream: name, from, to, reason: 'conflated' });
    }
    this.#link.deliverNow(latest);
  }

  /** Forgets what the client does not read any more. */
  keep(reads: (channel: Channel) => boolean): void {
    for (const [name, { latest }] of this.#waiting) if (!reads(latest.channel)) this.#waiting.delete(name);
  }
}
