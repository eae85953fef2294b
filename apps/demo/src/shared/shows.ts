interface Entry {
  readonly id: string;
  readonly title: string;
  /** What kind of evening it is. */
  readonly kind: string;
  readonly line: string;
  readonly when: string;
}

/** The winter bill of the Tallow Street Theatre. Every one of these is made up. */
export const shows = [
  {
    id: 'understudy',
    title: 'The Understudy’s Understudy',
    kind: 'A comedy in three acts and one emergency',
    line: 'Everybody in the cast is somebody else tonight.',
    when: 'Tonight, half past seven',
  },
  {
    id: 'umbrellas',
    title: 'Nine Umbrellas',
    kind: 'A farce',
    line: 'Ten people are going home. You see the difficulty.',
    when: 'Thursday, eight o’clock',
  },
  {
    id: 'lighthouse',
    title: 'The Lighthouse Accounts',
    kind: 'A drama of bookkeeping',
    line: 'Two keepers, one lamp, and forty gallons of oil that nobody used.',
    when: 'Friday, half past seven',
  },
  {
    id: 'abernathy',
    title: 'Mrs Abernathy Declines',
    kind: 'A drawing-room piece',
    line: 'She does so eleven times, and is right ten of them.',
    when: 'Saturday, three o’clock',
  },
  {
    id: 'moths',
    title: 'A Ballet for Moths',
    kind: 'Dance, in one candle',
    line: 'The front row is asked not to wear wool.',
    when: 'Saturday, nine o’clock',
  },
  {
    id: 'elsinore',
    title: 'Low Tide at Elsinore',
    kind: 'What the gravediggers did on their day off',
    line: 'Mostly they fished.',
    when: 'Sunday, five o’clock',
  },
  {
    id: 'vellum',
    title: 'A Fortnight in Vellum',
    kind: 'A romance among bookbinders',
    line: 'Slow to open, and very well put together.',
    when: 'Tuesday, half past seven',
  },
  {
    id: 'weather',
    title: 'The Weather Indoors',
    kind: 'A monologue for two',
    line: 'One of them listens. The part is bigger than it looks.',
    when: 'Wednesday, eight o’clock',
  },
] as const satisfies readonly Entry[];

export type ShowId = (typeof shows)[number]['id'];

/** A show of this season, as the page's posters want it. */
export interface Show extends Entry {
  readonly id: ShowId;
}
