import type { Pass } from './pass.ts';
import { type Colleague, fetchCompany } from './rest.ts';
import { Store } from './store.ts';

/** Who has an account, and who of them is in the house, as of the last time it was asked. */
export class Company extends Store<readonly Colleague[]> {
  readonly #pass: Pass;

  constructor(pass: Pass) {
    super([]);
    this.#pass = pass;
  }

  /** @throws RestError */
  async refresh(): Promise<void> {
    this.set(await fetchCompany(this.#pass.token));
  }

  nameOf(userId: string): string {
    return this.get().find(({ id }) => id === userId)?.name ?? 'Somebody new';
  }
}
