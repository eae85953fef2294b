import type { Clock } from '@callboard/core';
import { PathPattern, pathOf, type ResourcePath } from './path.ts';
import type { Watches } from './watches.ts';

export interface BumpOptions {
  /**
   * A whole number ≥ 0 that grows with each change, of the database's for one: a bump with one that is not above what the resource was
   * bumped with before came late, or twice, and does nothing. Default: every bump counts.
   */
  readonly version?: number;
  /** How long to wait, in milliseconds, at most 86,400,000: for a transaction to be over. Default 0. */
  readonly delayMs?: number;
}

const maxPaths = 1_000;
const maxDelayMs = 86_400_000;
/** Paths, of all that is delayed. */
const maxWaiting = 10_000;

/** Says what has changed. */
export class Bumps {
  readonly #watches: Watches;
  readonly #clock: Clock;
  readonly #delayed = new Set<unknown>();
  #waiting = 0;
  /** Paths and patterns that were bumped. */
  count = 0;
  /** Commands that were none. */
  malformed = 0;

  constructor(watches: Watches, clock: Clock) {
    this.#watches = watches;
    this.#clock = clock;
  }

  /** @throws TypeError where a path or an option is none, RangeError where too many paths wait. */
  bump(paths: string | readonly string[], options: BumpOptions = {}): number {
    const { version, delayMs = 0 } = options;
    const named = typeof paths === 'string' ? [paths] : paths;
    if (!Array.isArray(named) || named.length === 0 || named.length > maxPaths)
      throw new TypeError(`a bump names 1 to ${maxPaths} paths`);
    if (version !== undefined && !(Number.isSafeInteger(version) && version >= 0))
      throw new TypeError('a version is a whole number, 0 at least');
    if (!(typeof delayMs === 'number' && delayMs >= 0 && delayMs <= maxDelayMs))
      throw new TypeError(`delayMs is a number from 0 to ${maxDelayMs}`);
    const meant = named.map(meantBy);
    if (delayMs === 0) return this.#now(meant, version);
    if (this.#waiting + meant.length > maxWaiting) throw new RangeError('too many paths wait');
    this.#waiting += meant.length;
    const timer = this.#clock.setTimeout(() => {
      this.#delayed.delete(timer);
      this.#waiting -= meant.length;
      this.#now(meant, version);
    }, delayMs);
    this.#delayed.add(timer);
    return 0;
  }

  /** A command from outside: see `commandOf`. Undefined where it is none, which is counted. */
  command(data: unknown): number | undefined {
    try {
      const { bump, version, delayMs } = commandOf(data);
      const options = {
        ...(version !== undefined && { version }),
        ...(delayMs !== undefined && { delayMs }),
      };
      return this.bump(bump, options);
    } catch {
      this.malformed++;
      return undefined;
    }
  }

  stop(): void {
    for (const timer of this.#delayed) this.#clock.clearTimeout(timer);
    this.#delayed.clear();
    this.#waiting = 0;
  }

  #now(meant: readonly (ResourcePath | PathPattern)[], version: number | undefined): number {
    this.count += meant.length;
    let resources = 0;
    for (const each of meant) resources += this.#watches.changed(each, 'bump', version);
    return resources;
  }
}

/** @throws TypeError */
function meantBy(path: unknown): ResourcePath | PathPattern {
  if (typeof path === 'string' && PathPattern.is(path)) return new PathPattern(path);
  const named = pathOf(path);
  if (named === undefined) throw new TypeError(`not a path: ${JSON.stringify(path)}`);
  return named;
}

interface Command extends BumpOptions {
  /** The command's own version: 1. */
  readonly v?: number;
  readonly bump: string | readonly string[];
}

/** `/users/1`, `["/users/1", …]` or `{"bump": …, "version": …, "delayMs": …}`, as a value or as JSON. @throws where it is none */
function commandOf(data: unknown): Command {
  if (typeof data === 'string')
    return /^\s*[[{"]/.test(data) ? commandOf(parsed(data)) : { bump: data.trim() };
  if (Array.isArray(data)) return { bump: data };
  const command = data as Command;
  if ((command.v ?? 1) !== 1) throw new TypeError('not a command of version 1');
  return command;
}

/** What is no object any more is not parsed again. */
function parsed(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return typeof value === 'string' ? [value] : value;
}
