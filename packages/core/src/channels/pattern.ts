import { isChannel, isFilter } from '@callboard/protocol';

/** A pattern over the names of channels, as MQTT 5 has it (section 4.7): `+` is any one level, `#` the rest, if any. */
export class Pattern {
  readonly text: string;
  readonly levels: readonly string[];

  /** @throws TypeError where it is none. */
  constructor(text: string) {
    if (!isChannel(text) && !isFilter(text))
      throw new TypeError(`neither a channel nor a pattern: ${String(text)}`);
    this.text = text;
    this.levels = text.split('/');
  }

  /** Whether it is the name of one channel. */
  get isName(): boolean {
    return isChannel(this.text);
  }

  matches(name: readonly string[]): boolean {
    const { levels } = this;
    for (let i = 0; i < levels.length; i++) {
      const level = levels[i];
      if (level === '#') return true;
      const given = name[i];
      if (given === undefined || (level !== '+' && level !== given)) return false;
    }
    return levels.length === name.length;
  }

  /** Whether all names that fit the other one fit this one. */
  covers(other: Pattern): boolean {
    // A name has at least one level.
    const others = other.text === '#' ? ['+', '#'] : other.levels;
    const rest = this.levels.indexOf('#');
    const top = rest < 0 ? this.levels : this.levels.slice(0, rest);
    if (rest < 0 ? others.length !== top.length : others.length < top.length) return false;
    return top.every((level, i) => level === others[i] || (level === '+' && others[i] !== '#'));
  }

  /** Whether some name fits both. */
  overlaps(other: Pattern): boolean {
    const longer = Math.max(this.levels.length, other.levels.length);
    for (let i = 0; i < longer; i++) {
      const ours = this.levels[i];
      const theirs = other.levels[i];
      if (ours === '#' || theirs === '#') return true;
      if (ours === undefined || theirs === undefined) return false;
      if (ours !== '+' && theirs !== '+' && ours !== theirs) return false;
    }
    return true;
  }

  /**
   * Below 0 where this one comes first, of two that fit the same name: level by level a name before `+` before `#`, and
   * `a` before `a/#`.
   */
  compare(other: Pattern): number {
    for (const [i, level] of this.levels.entries()) {
      const theirs = other.levels[i];
      if (theirs === undefined) return 1;
      const order = vagueness(level) - vagueness(theirs);
      if (order !== 0) return order;
    }
    return this.levels.length - other.levels.length;
  }
}

function vagueness(level: string): number {
  return level === '#' ? 2 : level === '+' ? 1 : 0;
}
