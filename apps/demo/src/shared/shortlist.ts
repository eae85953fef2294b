/**
 * When a mark was made, and by which tab: later counters win, and between equal ones the greater writer. The counter
 * is the clock's, but always above any that the tab has seen: who acts on what they see overrules it.
 */
export type Stamp = readonly [counter: number, writer: string];

export interface Mark {
  readonly listed: boolean;
  readonly stamp: Stamp;
}

/** Which shows a user has listed: a map in which, per show, the last writer wins. */
export type Shortlist = Readonly<Record<string, Mark>>;

/**
 * Both, made one. In whatever order and however often shortlists are merged, the result is the same; so tabs that
 * have heard the same are equal.
 */
export function merge(a: Shortlist, b: Shortlist): Shortlist {
  const merged: Record<string, Mark> = { ...a };
  for (const [show, mark] of Object.entries(b)) {
    const other = merged[show];
    if (other === undefined || wins(mark, other)) merged[show] = mark;
  }
  return merged;
}

/** The shortlist with a mark that wins over all that are in it. */
export function marked(
  shortlist: Shortlist,
  show: string,
  listed: boolean,
  by: { readonly writer: string; readonly now: number },
): Shortlist {
  const seen = Object.values(shortlist).map(({ stamp: [counter] }) => counter);
  return {
    ...shortlist,
    [show]: { listed, stamp: [Math.max(by.now, ...seen.map((n) => n + 1)), by.writer] },
  };
}

export function listed(shortlist: Shortlist): readonly string[] {
  return Object.keys(shortlist).filter((show) => shortlist[show]?.listed);
}

export function equal(a: Shortlist, b: Shortlist): boolean {
  const shows = Object.keys(a);
  return shows.length === Object.keys(b).length && shows.every((show) => same(a[show], b[show]));
}

/** One stamp is one mark; where a writer breaks that, listed wins, so that there is still one result. */
function wins(mark: Mark, other: Mark): boolean {
  const [[counter, writer], [otherCounter, otherWriter]] = [mark.stamp, other.stamp];
  if (counter !== otherCounter) return counter > otherCounter;
  if (writer !== otherWriter) return writer > otherWriter;
  return mark.listed && !other.listed;
}

function same(a: Mark | undefined, b: Mark | undefined): boolean {
  return (
    a !== undefined &&
    b !== undefined &&
    a.listed === b.listed &&
    a.stamp[0] === b.stamp[0] &&
    a.stamp[1] === b.stamp[1]
  );
}
