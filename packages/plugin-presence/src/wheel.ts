import type { Timers } from '@callboard/runtime';

/** Something that can fall due. */
export interface Due {
  /** Where it waits; the wheel's. */
  slot: Set<unknown> | undefined;
}

/**
 * Waits for many, with one timer, in ticks. It counts what has passed by its own ticks: a clock that is set, or a machine that
 * slept, has nobody's time run out.
 */
export class Wheel<Each extends Due> {
  readonly #timers: Timers;
  readonly #tickMs: number;
  readonly #due: (each: Each) => void;
  readonly #slots = new Map<number, Set<Each>>();
  #tick = 0;
  #timer: unknown;

  constructor(timers: Timers, due: (each: Each) => void, tickMs = 200) {
    this.#timers = timers;
    this.#due = due;
    this.#tickMs = tickMs;
  }

  /** The tick at which that time has passed: not before, and hardly one later. */
  after(ms: number): number {
    return this.#tick + Math.ceil(ms / this.#tickMs) + (this.#timer === undefined ? 0 : 1);
  }

  /** The ticks so far; it stands still while nothing waits. */
  get tick(): number {
    return this.#tick;
  }

  /** Has it fall due then, at the next tick if that has passed, and not at another time. */
  wait(each: Each, tick: number): void {
    this.forget(each);
    const at = Math.max(tick, this.#tick + 1);
    const slot = this.#slots.get(at) ?? new Set<Each>();
    this.#slots.set(at, slot);
    slot.add(each);
    each.slot = slot;
    this.#timer ??= this.#timers.setTimeout(this.#turn, this.#tickMs);
  }

  /** The wheel turns to that tick all the same: it is counted by who compares ticks. */
  forget(each: Each): void {
    each.slot?.delete(each);
    each.slot = undefined;
  }

  /** Forgets all. */
  stop(): void {
    this.#timers.clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const slot of this.#slots.values()) for (const each of slot) each.slot = undefined;
    this.#slots.clear();
  }

  readonly #turn = (): void => {
    this.#tick++;
    const slot = this.#slots.get(this.#tick);
    this.#slots.delete(this.#tick);
    this.#timer = this.#slots.size === 0 ? undefined : this.#timers.setTimeout(this.#turn, this.#tickMs);
    for (const each of slot ?? []) {
      each.slot = undefined;
      this.#due(each);
    }
  };
}
