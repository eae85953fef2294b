import type { LightId, Switch } from './shared/devices.ts';

/** What the house's sensors read, one step after the other. A step is what happens between two readings. */
export class SimulatedHouse {
  readonly #random: () => number;
  readonly #lights: Record<LightId, Switch> = { footlights: 'off', limelight: 'off', ghost: 'on' };
  #stage = 18.4;
  #stalls = 19.6;
  #people = 0;
  #steps = 0;

  /** @param random as `Math.random`, which is the default. */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  get lights(): Readonly<Record<LightId, Switch>> {
    return this.#lights;
  }

  set(light: LightId, to: Switch): void {
    this.#lights[light] = to;
  }

  step(): void {
    this.#steps++;
    // Lamps warm the stage, people the stalls; both take their time.
    this.#stage += (18 + this.#load() / 220 - this.#stage) * 0.03 + this.#noise(0.06);
    this.#stalls += (20.4 + Math.sin(this.#steps / 20) - this.#stalls) * 0.05 + this.#noise(0.05);
    if (this.#random() < 0.3) this.#people += 1 + Math.floor(this.#random() * 3);
  }

  /** By sensor: °C, people since it was started, and watts. */
  get readings() {
    return {
      stage: toTenths(this.#stage),
      house: toTenths(this.#stalls),
      foyer: this.#people,
      // No mains is quite steady.
      board: Math.round(this.#load() * (1 + this.#noise(0.01))),
    };
  }

  #load(): number {
    const lit = (Object.keys(watts) as LightId[]).filter((light) => this.#lights[light] === 'on');
    return lit.reduce((sum, light) => sum + watts[light], BOARD_WATTS);
  }

  /** Evenly between -most and most. */
  #noise(most: number): number {
    return (this.#random() * 2 - 1) * most;
  }
}

const watts: Readonly<Record<LightId, number>> = { footlights: 480, limelight: 900, ghost: 60 };
/** The board itself, with every light off. */
const BOARD_WATTS = 40;

const toTenths = (celsius: number): number => Math.round(celsius * 10) / 10;
