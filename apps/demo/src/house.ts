import { ReplyError } from '@callboard/core';
import { MAX_SEATS_EACH } from './shared/limits.ts';
import { seatNames } from './shared/seats.ts';
import type { HouseState } from './shared/show-channel.ts';

/** The seats of one evening. They are taken from the front, row by row, and those that come back go first. */
export class House {
  readonly #seats: readonly string[];
  /** User ids, by seat. */
  readonly #holders = new Map<string, string>();

  constructor(seats: number) {
    this.#seats = seatNames(seats);
  }

  get left(): number {
    return this.#seats.length - this.#holders.size;
  }

  get state(): HouseState {
    const taken = this.#seats.filter((seat) => this.#holders.has(seat));
    return { left: this.left, of: this.#seats.length, taken };
  }

  heldBy(userId: string): readonly string[] {
    return this.#seats.filter((seat) => this.#holders.get(seat) === userId);
  }

  /** @throws ReplyError SOLD_OUT, TOO_MANY */
  take(userId: string): string {
    const seat = this.#seats.find((each) => !this.#holders.has(each));
    if (seat === undefined)
      throw new ReplyError('SOLD_OUT', { message: 'Every seat is taken.', effect: 'none' });
    if (this.heldBy(userId).length >= MAX_SEATS_EACH)
      throw new ReplyError('TOO_MANY', { message: `At most ${MAX_SEATS_EACH} each.`, effect: 'none' });
    this.#holders.set(seat, userId);
    return seat;
  }

  /** A second return is none: the seat may be somebody else’s by then. @throws ReplyError NOT_YOURS */
  giveBack(userId: string, seat: string): void {
    if (this.#holders.get(seat) !== userId)
      throw new ReplyError('NOT_YOURS', { message: 'That seat is not yours.', effect: 'none' });
    this.#holders.delete(seat);
  }
}
