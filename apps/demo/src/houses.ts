import { House } from './house.ts';
import { type ShowId, shows } from './shared/shows.ts';

/** A house for each show of the season. */
export class Houses {
  readonly #byShow: ReadonlyMap<ShowId, House>;

  /** @param seats of every house. Default: 24, and fewer where the play wants it. */
  constructor(seats?: number) {
    this.#byShow = new Map(shows.map(({ id }) => [id, new House(seats ?? smaller[id] ?? SEATS)]));
  }

  get shows(): readonly ShowId[] {
    return [...this.#byShow.keys()];
  }

  of(show: ShowId): House {
    return this.#byShow.get(show) as House;
  }

  /** What a user holds, by show. */
  heldBy(userId: string): Partial<Record<ShowId, readonly string[]>> {
    const held = [...this.#byShow].map(([show, house]) => [show, house.heldBy(userId)] as const);
    return Object.fromEntries(held.filter(([, seats]) => seats.length > 0));
  }
}

const SEATS = 24;
/** One candle is seen from the front row; and of a monologue for two, one of them listens. */
const smaller: Partial<Record<ShowId, number>> = { moths: 8, weather: 2 };
