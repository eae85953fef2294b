import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);
const HASH_BYTES = 32;
/** With r = 8 and p = 3 one of the settings of the OWASP Password Storage Cheat Sheet: 32 MiB, three times over. */
const WORK = 2 ** 15;

/** What is kept of a password: enough to know it again. */
export class PasswordHash {
  readonly #salt: Buffer;
  readonly #hash: Buffer;
  readonly #work: number;

  private constructor(salt: Buffer, hash: Buffer, work: number) {
    this.#salt = salt;
    this.#hash = hash;
    this.#work = work;
  }

  /** @param work scrypt's N; less than the default is for tests. */
  static async of(password: string, work = WORK): Promise<PasswordHash> {
    const salt = randomBytes(16);
    return new PasswordHash(salt, await hashOf(password, salt, work), work);
  }

  async matches(password: string): Promise<boolean> {
    return timingSafeEqual(await hashOf(password, this.#salt, this.#work), this.#hash);
  }
}

function hashOf(password: string, salt: Buffer, work: number): Promise<Buffer> {
  return derive(password.normalize('NFKC'), salt, HASH_BYTES, {
    N: work,
    r: 8,
    p: 3,
    maxmem: 64 * 1024 * 1024,
  });
}
