/** Tonight's house: seats are taken from the front, row by row. */
export class House {
  readonly seats: number;
  #taken = 0;

  constructor(seats: number) {
    this.seats = seats;
  }

  get left(): number {
    return this.seats - this.#taken;
  }

  /** The seat's name, as in `B4`; undefined where the house is full. */
  take(): string | undefined {
    if (this.left === 0) return undefined;
    const index = this.#taken++;
    return `${String.fromCharCode(65 + Math.floor(index / SEATS_IN_ROW))}${(index % SEATS_IN_ROW) + 1}`;
  }
}

const SEATS_IN_ROW = 8;
