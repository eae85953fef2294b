/** Work of one kind that many ask for: what is asked while the last group is being done makes the next. */
export class Grouped<In, Out> {
  readonly #perform: (group: readonly In[]) => Promise<readonly Out[]>;
  readonly #endOfTurn: (task: () => void) => void;
  readonly #maxWeight: number;
  readonly #weigh: (value: In) => number;
  readonly #waiting: { readonly value: In; resolve(out: Out): void; reject(error: unknown): void }[] = [];
  #working = false;

  /** @param perform answers each of the group, in its order, or fails for all of them. */
  constructor(
    perform: (group: readonly In[]) => Promise<readonly Out[]>,
    endOfTurn: (task: () => void) => void,
    maxWeight: number,
    weigh: (value: In) => number,
  ) {
    this.#perform = perform;
    this.#endOfTurn = endOfTurn;
    this.#maxWeight = maxWeight;
    this.#weigh = weigh;
  }

  add(value: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ value, resolve, reject });
      if (this.#working) return;
      this.#working = true;
      this.#endOfTurn(() => void this.#work());
    });
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#take();
      try {
        const outs = await this.#perform(group.map(({ value }) => value));
        for (const [i, { resolve }] of group.entries()) resolve(outs[i] as Out);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#working = false;
  }

  #take() {
    let count = 0;
    for (let weight = 0; count < this.#waiting.length; count++) {
      weight += this.#weigh((this.#waiting[count] as { readonly value: In }).value);
      if (count > 0 && weight > this.#maxWeight) break;
    }
    return this.#waiting.splice(0, count);
  }
}
