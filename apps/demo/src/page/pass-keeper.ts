import type { Pass } from './pass.ts';

export interface PassKeeperOptions {
  /** Gives a new pass for one that is still good. */
  readonly renew: (token: string) => Promise<Pass>;
  /** There is a new one. */
  readonly renewed: (pass: Pass) => void;
  /** Milliseconds since 1970 (UTC). Default: the system's. */
  readonly now?: () => number;
}

/** A pass that is renewed for as long as it is good, so that whoever shows it need not think of its end. */
export class PassKeeper implements Pass {
  #pass: Pass;
  readonly #options: PassKeeperOptions;
  #renewing: Promise<void> | undefined;
  #exchanging: Promise<void> | undefined;

  constructor(pass: Pass, options: PassKeeperOptions) {
    this.#pass = pass;
    this.#options = options;
  }

  get token(): string {
    return this.#pass.token;
  }

  get user(): Pass['user'] {
    return this.#pass.user;
  }

  /**
   * Does what may end all tokens but one, and gives that one, if it did. Who asks for a fresh token meanwhile waits for it.
   *
   * @throws what `work` throws
   */
  exchange(work: () => Promise<string | undefined>): Promise<void> {
    const exchanging = this.#exchange(work);
    this.#exchanging = exchanging.catch(() => {});
    return exchanging;
  }

  /** The token, or another one where more than half of its time is over. Who shows one that is no good hears so from the server. */
  async fresh(): Promise<string> {
    const { now = Date.now } = this.#options;
    await this.#exchanging;
    if (now() < halfTimeOf(this.token)) return this.token;
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    await this.#renewing;
    return this.token;
  }

  async #exchange(work: () => Promise<string | undefined>): Promise<void> {
    // What is renewed now would be no good afterwards.
    await this.#renewing;
    const token = await work();
    if (token === undefined) return;
    this.#pass = { token, user: this.user };
    this.#options.renewed(this.#pass);
  }

  async #renew(): Promise<void> {
    const { renew, renewed } = this.#options;
    try {
      this.#pass = await renew(this.token);
    } catch {
      return;
    }
    renewed(this.#pass);
  }
}

/** Of a JWT, in milliseconds since 1970; of what is none, long ago. */
function halfTimeOf(token: string): number {
  try {
    const [, claims = ''] = token.split('.');
    const { iat, exp } = JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/')));
    return 500 * (iat + exp);
  } catch {
    return 0;
  }
}
