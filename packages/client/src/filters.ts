/** Filters by their levels (MQTT 5, section 4.7.1): to find those that fit a channel costs as little however many there are. */
export class Filters<T> {
  readonly #root = new Level<T>();

  set(filter: string, value: T): void {
    let level = this.#root;
    for (const name of filter.split('/')) {
      const next = level.next.get(name) ?? new Level<T>();
      level.next.set(name, next);
      level = next;
    }
    level.value = value;
  }

  delete(filter: string): void {
    remove(this.#root, filter.split('/'), 0);
  }

  /** What is set for the filters that fit; none fits a stream whose name begins with `$`. */
  fitting(channel: string): T[] {
    const found: T[] = [];
    // A server gone wrong may name a filter where there is to be a channel.
    if (this.#root.next.size > 0 && !/^\$|[+#]/.test(channel)) find(this.#root, channel.split('/'), 0, found);
    return found;
  }
}

class Level<T> {
  readonly next = new Map<string, Level<T>>();
  value: T | undefined;
}

function find<T>(level: Level<T>, names: readonly string[], depth: number, found: T[]): void {
  const all = level.next.get('#')?.value;
  if (all !== undefined) found.push(all);
  const name = names[depth];
  if (name !== undefined) {
    for (const next of [level.next.get(name), level.next.get('+')])
      if (next !== undefined) find(next, names, depth + 1, found);
  } else if (level.value !== undefined) found.push(level.value);
}

/** Whether nothing is left from this level on. */
function remove<T>(level: Level<T>, names: readonly string[], depth: number): boolean {
  const name = names[depth];
  const next = name !== undefined && level.next.get(name);
  if (name === undefined) level.value = undefined;
  else if (next && remove(next, names, depth + 1)) level.next.delete(name);
  return level.value === undefined && level.next.size === 0;
}
