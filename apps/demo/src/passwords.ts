import { type Algorithm, hash, verify } from '@node-rs/argon2';

/** In KiB. With two passes and one lane one of the settings of the OWASP Password Storage Cheat Sheet for Argon2id. */
const MEMORY_KIB = 19_456;

/** Knows passwords again by what is kept of them: Argon2id, in the PHC format, with a salt of its own each. */
export class Passwords {
  readonly #memoryKib: number;

  /** @param memoryKib that one hash takes; less than the default is for tests. */
  constructor(memoryKib = MEMORY_KIB) {
    this.#memoryKib = memoryKib;
  }

  /** What is to be kept. */
  hash(password: string): Promise<string> {
    const algorithm: Algorithm.Argon2id = 2;
    return hash(typed(password), { algorithm, memoryCost: this.#memoryKib, timeCost: 2, parallelism: 1 });
  }

  matches(kept: string, password: string): Promise<boolean> {
    return verify(kept, typed(password));
  }
}

/** It does not matter how a letter was typed. */
function typed(password: string): string {
  return password.normalize('NFKC');
}
