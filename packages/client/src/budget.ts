import type { AnnouncedLimits } from '@callboard/protocol';

/**
 * What the server lets a client send in a while (PROTOCOL.md, "Limits"): frames and bytes that grow by so much a second,
 * up to two seconds' worth. It is kept to with a margin, as what is sent evenly may arrive bunched.
 */
export class Budget {
  #perSecond = { frames: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };
  #left = this.#perSecond;
  #at = 0;

  /** A new connection begins with all of it. */
  begin({ maxFramesPerSecond, maxBytesPerSecond }: AnnouncedLimits, now: number): void {
    this.#perSecond = { frames: maxFramesPerSecond * MARGIN, bytes: maxBytesPerSecond * MARGIN };
    this.#left = this.#most;
    this.#at = now;
  }

  spend(bytes: number, now: number): void {
    const { frames, bytes: left } = this.#grown(now);
    this.#left = { frames: frames - 1, bytes: left - bytes };
    this.#at = now;
  }

  /** How long until a frame of this size may go, in milliseconds; 0: now. One that is larger than all goes when all is there. */
  waitMs(bytes: number, now: number): number {
    const left = this.#grown(now);
    const most = this.#most;
    const lacking = Math.max(
      (Math.min(1, most.frames) - left.frames) / this.#perSecond.frames,
      (Math.min(bytes, most.bytes) - left.bytes) / this.#perSecond.bytes,
    );
    return lacking > 0 ? Math.ceil(lacking * 1_000) : 0;
  }

  get #most() {
    return { frames: this.#perSecond.frames * BURST_S, bytes: this.#perSecond.bytes * BURST_S };
  }

  #grown(now: number) {
    const seconds = Math.max(0, now - this.#at) / 1_000;
    const most = this.#most;
    return {
      frames: Math.min(most.frames, this.#left.frames + seconds * this.#perSecond.frames),
      bytes: Math.min(most.bytes, this.#left.bytes + seconds * this.#perSecond.bytes),
    };
  }
}

const MARGIN = 0.9;
const BURST_S = 2;
