import type { Position } from '@callboard/protocol';
import type { Awaitable } from '@callboard/runtime';
import type { Link } from '../link.ts';
import type { Gap, Reader, Recovery } from '../streams/feed.ts';
import { isFor } from '../streams/recovery.ts';
import type { Channel, Publication } from './channel.ts';

/** Around a frame in the socket. */
const FRAME_BYTES = 16;
/** What is held back for a client that does not know yet that it reads; more is a gap. */
const MAX_HELD = 1_024;

/**
 * One client's cursor in one channel, over one connection. What comes before the client knows that it reads is held
 * back: the reply, or `connected`, comes first.
 */
export class ChannelReader implements Reader<Publication> {
  readonly clientId: string;
  readonly channel: Channel;
  /** Where the client stood, as far as is known. */
  base!: Position;
  /** The head, when it was live: who has no position begins there, and is sent what has come since. */
  head!: Position;
  /** Whether all since the position that was given follows. */
  recovered = false;
  #held: (Publication | Gap)[] | undefined = [];
  #link: Link | undefined;
  #epoch = '';
  /** The client has been told of all up to here … */
  #told = 0;
  /** … and all up to here that came after was not for it. */
  #stands = 0;
  /** The client may not know the last value. */
  #lacksLast = true;
  /** Where the client stood when it was sent the last value: one that is still there may have lost it on the way. */
  #lastAt: Position | undefined;

  constructor(clientId: string, channel: Channel) {
    this.clientId = clientId;
    this.channel = channel;
  }

  get position(): Position {
    return { epoch: this.#epoch, offset: this.#stands };
  }

  /** Is live when this is done, from `given` on, else from the head. `before` read for the client until then. */
  start(given: Position | undefined, before?: ChannelReader): Awaitable<void> {
    const { feed } = this.channel;
    if (given === undefined) {
      const { epoch, offset } = feed.join(this);
      this.#epoch = epoch;
      this.#told = offset;
      this.#stands = offset;
      this.head = this.position;
      this.base = this.head;
      return;
    }
    this.base = given;
    const from = before?.after(given) ?? given;
    return feed.recover(this, from, ({ missed, position }: Recovery<Publication>) => {
      this.#held = missed.map((each) => ('gap' in each ? each.gap : each.item));
      const last = missed.at(-1);
      this.recovered = !missed.some((each) => 'gap' in each);
      this.#epoch = position.epoch;
      this.#told = last === undefined ? given.offset : 'gap' in last ? last.gap.to.offset : last.offset;
      this.#stands = position.offset;
      this.head = position;
    });
  }

  /** For a client that comes back, from `given` on, else from where its subscription began. */
  resume(given: Position | undefined, base: Position, before: ChannelReader | undefined): Awaitable<void> {
    const last = before === undefined ? undefined : before.#lastAt;
    this.#lacksLast = given === undefined || (last?.epoch === given.epoch && last.offset === given.offset);
    return this.start(given ?? base, before);
  }

  /** Where a client goes on that says it is at `given`: what it was passed over for after that is nothing it missed. */
  after(given: Position): Position {
    const isHere = given.epoch === this.#epoch && given.offset >= this.#told;
    return isHere && given.offset < this.#stands ? this.position : given;
  }

  /**
   * Makes do with so many bytes, or with a gap, for a client that would be closed as too slow and come back for the same.
   * Says how many bytes it has.
   */
  fit(maxBytes: number): number {
    let bytes = 0;
    for (const each of this.#held ?? []) {
      if ('text' in each) bytes += bytesOf(each);
      if (bytes <= maxBytes || bytes === 0) continue;
      this.#giveUp();
      return 0;
    }
    return bytes;
  }

  /** The client knows: it is sent what was held back, and then what comes. */
  begin(link: Link): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#link = link;
    for (const each of held) {
      if ('text' in each) link.publication(each);
      else link.gap(each);
    }
    if (this.#lacksLast || !this.recovered) this.#tellLast(held);
  }

  deliver(publication: Publication, offset: number): void {
    this.#told = offset;
    this.#stands = offset;
    if (this.#link !== undefined) return this.#link.publication(publication);
    this.#held?.push(publication);
    if (this.#held !== undefined && this.#held.length > MAX_HELD) this.#giveUp();
  }

  skip(offset: number): void {
    this.#stands = offset;
  }

  gap(gap: Gap): void {
    this.#epoch = gap.to.epoch;
    this.#told = gap.to.offset;
    this.#stands = gap.to.offset;
    this.recovered = false;
    if (this.#link !== undefined) this.#link.gap(gap);
    else this.#held?.push(gap);
  }

  /** Whether the client was sent the publication, or is: what comes through a filter after that is the same. */
  knows(offset: number): boolean {
    return offset <= this.#told;
  }

  leave(): void {
    this.channel.feed.leave(this);
    this.#held = undefined;
    this.#link = undefined;
  }

  #giveUp(): void {
    this.#held = [];
    this.gap({ stream: this.channel.name, from: this.base, to: this.position, reason: 'size' });
  }

  /** The last value, unless it is among what was sent. */
  #tellLast(sent: readonly (Publication | Gap)[]): void {
    const { last } = this.channel;
    this.#lastAt = { epoch: this.#epoch, offset: this.#told };
    if (last === undefined || !isFor(last.entry, this)) return;
    if (sent.some((each) => 'text' in each && each.offset === last.entry.offset)) return;
    this.#link?.send(this.channel.retained(last));
  }
}

function bytesOf({ text }: Publication): number {
  return Buffer.byteLength(text) + FRAME_BYTES;
}
