import type { Timers } from '@callboard/runtime';

/** Something that can fall due. */
export interface Due {
  /** Where it waits; the wheel's. */
  slot: Slot | undefined;
}
/** What falls due at one tick, and what is to be called with it. */
export type Slot = Map<Due, (due: never) => void>;

/**
 * Waits for many, with one timer, in ticks. It counts what has passed by its own ticks: a clock that is set, or a machine that
 * slept, has nobody's time run out.
 */
export class Wheel {
  readonly #timers: Timers;
  readonly #tickMs: number;
  readonly #slots = new Map<number, Slot>();
  #tick = 0;
  #timer: unknown;

  constructor(timers: Timers, tickMs = 200) {
    this.#timers = timers;
    this.#tickMs = tickMs;
  }

  /** The tick at which that time has passed: not before, hardly one later, and the same for all who ask in one turn. */
  after(ms: number): number {
    // Of the tick that is under way some has passed.
    return this.#tick + Math.ceil(ms / this.#tickMs) + 1;
  }

  /** The ticks so far; it stands still while nothing waits. */
  get tick(): number {
    return this.#tick;
  }

  /** Has it fall due then, at the next tick if that has passed, and not at another time. */
  wait<Each extends Due>(each: Each, tick: number, due: (each: Each) => void): void {
    this.forget(each);
    const at = Math.max(tick, this.#tick + 1);
    const slot: Slot = this.#slots.get(at) ?? new Map();
    this.#slots.set(at, slot);
    slot.set(each, due);
    each.slot = slot;
    this.#timer ??= this.#timers.setTimeout(this.#turn, this.#tickMs);
  }

  /** The wheel turns to that tick all the same: it is counted by who compares ticks. */
  forget(each: Due): void {
    each.slot?.delete(each);
    each.slot = undefined;
  }

  /** Forgets all. */
  stop(): void {
    this.#timers.clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const slot of this.#slots.values()) for (const each of slot.keys()) each.slot = undefined;
    this.#slots.clear();
  }

  readonly #turn = (): void => {
    this.#tick++;
    const slot = this.#slots.get(this.#tick);
    this.#slots.delete(this.#tick);
    this.#timer = this.#slots.size === 0 ? undefined : this.#timers.setTimeout(this.#turn, this.#tickMs);
    for (const [each, due] of slot ?? []) {
      each.slot = undefined;
      due(each as never);
    }
  };
}
