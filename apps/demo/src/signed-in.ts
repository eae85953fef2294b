import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Account, Accounts } from './accounts.ts';
import type { Bearer, Passes } from './passes.ts';
import { Refusal } from './refusal.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose token came with it; the account may be gone, or have another version. */
    bearer: Bearer | undefined;
  }
}

/** Reads tokens. One that is no good is refused, even where none is needed. */
export function readPasses(app: FastifyInstance, passes: Passes): void {
  app.decorateRequest('bearer', undefined);
  app.addHook('onRequest', async (request) => {
    if (request.headers.authorization === undefined) return;
    const token = tokenOf(request);
    request.bearer = token === undefined ? undefined : await passes.bearer(token);
  });
}

export const tokenOf = ({ headers }: FastifyRequest): string | undefined =>
  /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];

/** Who asks. */
export class Door {
  readonly #accounts: Accounts;

  constructor(accounts: Accounts) {
    this.#accounts = accounts;
  }

  /** @throws Refusal NO_PASS */
  async signedIn({ bearer }: FastifyRequest): Promise<Account> {
    const account = bearer && (await this.#accounts.of(bearer));
    if (account === undefined) throw new Refusal('NO_PASS');
    return account;
  }

  /** Undefined where they have not signed in. @throws Refusal NO_PASS where they say they have */
  async anybody(request: FastifyRequest): Promise<Account | undefined> {
    return request.headers.authorization === undefined ? undefined : this.signedIn(request);
  }
}

/** Which version the request changes, by its If-Match. @throws Refusal NO_VERSION, STALE */
export function versionOf({ headers }: FastifyRequest): number {
  const tag = headers['if-match'];
  if (tag === undefined) throw new Refusal('NO_VERSION');
  const version = /^(?:W\/)?"(\d{1,9})"$/.exec(tag)?.[1];
  if (version === undefined) throw new Refusal('STALE');
  return Number(version);
}
