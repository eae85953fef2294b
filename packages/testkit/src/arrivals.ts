import assert from 'node:assert/strict';
import type { ServerFrame } from '@callboard/protocol';
import type { Closed } from './wire.ts';

/** Picks a frame, and its type. */
type Pick<Frame extends ServerFrame> = (frame: ServerFrame) => Frame | false;

/** What a test client was sent, and who waits for more of it. */
export class Arrivals {
  readonly frames: ServerFrame[] = [];
  /** Frames that no expectation has taken; without pings. */
  readonly untaken: ServerFrame[] = [];
  /** How the latest connection ended. */
  closed: Closed | undefined;
  readonly #settle: (() => Promise<void>) | undefined;
  readonly #timeoutMs: number;
  readonly #waiting = new Set<() => void>();

  constructor(settle: (() => Promise<void>) | undefined, timeoutMs: number) {
    this.#settle = settle;
    this.#timeoutMs = timeoutMs;
  }

  begin(): void {
    this.closed = undefined;
  }

  add(frame: ServerFrame): void {
    this.frames.push(frame);
    if (frame.op !== 'ping') this.untaken.push(frame);
    this.#wake();
  }

  end(closed: Closed): void {
    this.closed = closed;
    this.#wake();
  }

  /** The first frame that `pick` picks, now or when it arrives. */
  take<Frame extends ServerFrame>(what: string, pick: Pick<Frame>): Promise<Frame> {
    return this.#await(
      what,
      () => this.takeNow(pick),
      () => this.closed !== undefined,
    );
  }

  takeNow<Frame extends ServerFrame>(pick: Pick<Frame>): Frame | undefined {
    for (const [i, frame] of this.untaken.entries()) {
      const picked = pick(frame);
      if (picked === false) continue;
      this.untaken.splice(i, 1);
      return picked;
    }
    return undefined;
  }

  ended(what: string): Promise<Closed> {
    return this.#await(
      what,
      () => this.closed,
      () => false,
    );
  }

  /** @throws AssertionError that lists what came. */
  fail(what: string, instead?: ServerFrame): never {
    const came = this.frames.slice(-MAX_LISTED).map((frame) => `  ${clipped(JSON.stringify(frame))}`);
    const more = this.frames.length - came.length;
    assert.fail(
      [
        instead === undefined
          ? `expected ${what}`
          : `expected ${what}, not ${clipped(JSON.stringify(instead))}`,
        this.closed && `the connection was closed: ${this.closed.code} ${this.closed.reason}`,
        came.length === 0 ? 'nothing came' : 'what came, taken or not:',
        more > 0 && `  … and ${more} before`,
        ...came,
      ]
        .filter(Boolean)
        .join('\n'),
    );
  }

  async #await<T>(what: string, look: () => T | undefined, hopeless: () => boolean): Promise<T> {
    await this.#settle?.();
    const found = look();
    if (found !== undefined) return found;
    if (this.#settle !== undefined || hopeless()) this.fail(what);
    return new Promise<T>((resolve, reject) => {
      const over = (settle: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(again);
        settle();
      };
      const failed = () => {
        try {
          this.fail(what);
        } catch (error) {
          reject(error);
        }
      };
      const again = () => {
        const come = look();
        if (come !== undefined) over(() => resolve(come));
        else if (hopeless()) over(failed);
      };
      const timer = setTimeout(() => over(failed), this.#timeoutMs);
      this.#waiting.add(again);
    });
  }

  #wake(): void {
    for (const again of [...this.#waiting]) again();
  }
}

const MAX_LISTED = 20;

function clipped(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)} …` : text;
}
