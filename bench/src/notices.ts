/** The notifications of the notify scenarios: what each peer is given to schedule, and what the load expects of it. */

export const people = 1_000;

export interface Batch {
  readonly type: 'SCHEDULE';
  /** Of the first, and how many. */
  readonly first: number;
  readonly count: number;
  /** Milliseconds since 1970: when the first is due, and how long after it each other is. */
  readonly dueAt: number;
  readonly everyMs: number;
  /** How many people each is for on average, of `people`. */
  readonly recipients: number;
}

export interface Due {
  readonly key: string;
  readonly at: number;
  readonly users: readonly string[];
  readonly action: { readonly type: 'DUE'; readonly n: number; readonly at: number; readonly text: string };
}

/** The i-th of a batch: for 1 to twice the average less one. */
export function dueOf({ first, dueAt, everyMs, recipients }: Batch, i: number): Due {
  const n = first + i;
  const at = Math.floor(dueAt + i * everyMs);
  const count = recipientsOf(recipients, n);
  // 53 has no factor in common with the number of people: nobody twice.
  const users = Array.from({ length: count }, (_, k) => userOf((n * 37 + k * 53) % people));
  return { key: `n${n}`, at, users, action: { type: 'DUE', n, at, text } };
}

const recipientsOf = (average: number, n: number): number => 1 + ((n * 7) % (2 * average - 1));
export const userOf = (i: number): string => `u${i + 1}`;

const text = 'x'.repeat(60);
