import { isChannel } from '@callboard/protocol';

/** A pattern over the names of channels, as MQTT 5 has it (section 4.7): `+` is any one level, `#` the rest, if any. */
export class Pattern {
  readonly text: string;
  readonly #levels: readonly string[];

  /** @throws TypeError where it is none. */
  constructor(text: string) {
    this.text = text;
    this.#levels = text.split('/');
    const last = this.#levels.length - 1;
    const plain = this.#levels.map((level, i) =>
      level === '+' || (level === '#' && i === last) ? 'x' : level,
    );
    if (!isChannel(plain.join('/'))) throw new TypeError(`neither a channel nor a pattern: ${text}`);
  }

  /** Whether it is the name of one channel. */
  get isName(): boolean {
    return isChannel(this.text);
  }

  matches(name: readonly string[]): boolean {
    for (const [i, level] of this.#levels.entries()) {
      if (level === '#') return true;
      const given = name[i];
      if (given === undefined || (level !== '+' && level !== given)) return false;
    }
    return this.#levels.length === name.length;
  }

  /**
   * Below 0 where this one comes first, of two that fit the same name: level by level a name before `+` before `#`, and
   * `a` before `a/#`.
   */
  compare(other: Pattern): number {
    for (const [i, level] of this.#levels.entries()) {
      const theirs = other.#levels[i];
      if (theirs === undefined) return 1;
      const order = vagueness(level) - vagueness(theirs);
      if (order !== 0) return order;
    }
    return this.#levels.length - other.#levels.length;
  }
}

function vagueness(level: string): number {
  return level === '#' ? 2 : level === '+' ? 1 : 0;
}
