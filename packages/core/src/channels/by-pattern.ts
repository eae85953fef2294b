import { Pattern } from './pattern.ts';

/** Values by pattern of channels: of those that fit a name the most specific one holds. */
export class ByPattern<Value> {
  readonly #exact = new Map<string, Value>();
  /** The most specific first. */
  readonly #wide: { readonly pattern: Pattern; readonly value: Value }[] = [];

  /** @throws TypeError where `text` is no pattern, Error where it has a value already. */
  add(text: string, value: Value): void {
    const pattern = new Pattern(text);
    if (this.#exact.has(text) || this.#wide.some((each) => each.pattern.text === text))
      throw new Error(`the channels ${text} are spoken for already`);
    if (pattern.isName) this.#exact.set(text, value);
    else {
      this.#wide.push({ pattern, value });
      this.#wide.sort((a, b) => a.pattern.compare(b.pattern));
    }
  }

  /** Those whose values fit. */
  patternsOf(fits: (value: Value) => boolean): readonly string[] {
    const wide = this.#wide.map(({ pattern, value }) => [pattern.text, value] as const);
    return [...this.#exact, ...wide].filter(([, value]) => fits(value)).map(([text]) => text);
  }

  of(channel: string): Value | undefined {
    const exact = this.#exact.get(channel);
    if (exact !== undefined || this.#wide.length === 0) return exact;
    const levels = channel.split('/');
    return this.#wide.find(({ pattern }) => pattern.matches(levels))?.value;
  }

  /** Those that hold for channels which the filter fits. */
  within(filter: Pattern): ReadonlySet<Value> {
    const found = new Set<Value>();
    for (const [name, value] of this.#exact) if (filter.matches(name.split('/'))) found.add(value);
    for (const { pattern, value } of this.#wide) {
      if (pattern.overlaps(filter)) found.add(value);
      // All others are less specific.
      if (pattern.covers(filter)) break;
    }
    return found;
  }
}
