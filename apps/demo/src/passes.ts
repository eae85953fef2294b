import { randomBytes } from 'node:crypto';
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';

const ISSUER = 'tallow-street';
const LIFETIME = '8h';
/** Since its holder signed in, in seconds: however often it was renewed. */
const LONGEST = 7 * 24 * 3_600;

/** Who carries a token. */
export interface Bearer {
  readonly id: string;
  /** Of the account, when the token was made; one whose account has another by now is at its end. */
  readonly tokenVersion: number;
}

export interface Issuing {
  /** Default 1, with which an account begins. */
  readonly tokenVersion?: number;
  /** In seconds since 1970. Default: now. */
  readonly signedInAt?: number;
}

/** Signs and reads the tokens that users carry. */
export class Passes {
  readonly secret: Uint8Array;
  readonly issuer = ISSUER;

  /** @param secret Default: a random one, so that no token outlives the server. @throws RangeError where it is short. */
  constructor(secret?: string) {
    this.secret = secret === undefined ? randomBytes(32) : new TextEncoder().encode(secret);
    if (this.secret.byteLength < 32) throw new RangeError('the secret needs 32 bytes or more');
  }

  issue(userId: string, issuing: Issuing = {}): Promise<string> {
    const { tokenVersion = 1, signedInAt = Math.floor(Date.now() / 1_000) } = issuing;
    return new SignJWT({ auth_time: signedInAt, ver: tokenVersion })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(ISSUER)
      .setSubject(userId)
      .setIssuedAt()
      .setExpirationTime(LIFETIME)
      .sign(this.secret);
  }

  /** Another one for one that is good; undefined where its holder has to sign in again. */
  async renew(token: string): Promise<string | undefined> {
    const claims = (await this.#read(token)) ?? {};
    const bearer = bearerOf(claims);
    const { auth_time: signedInAt } = claims;
    if (bearer === undefined || typeof signedInAt !== 'number') return undefined;
    if (Date.now() / 1_000 - signedInAt >= LONGEST) return undefined;
    return this.issue(bearer.id, { tokenVersion: bearer.tokenVersion, signedInAt });
  }

  /** Who carries it; undefined where it is no good. */
  async bearer(token: string): Promise<Bearer | undefined> {
    return bearerOf((await this.#read(token)) ?? {});
  }

  async #read(token: string): Promise<JWTPayload | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.secret, { algorithms: ['HS256'], issuer: ISSUER });
      return payload.exp === undefined ? undefined : payload;
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }
}

/** Of a token that was found good. Those from before there were versions are of the first. */
export function bearerOf({ sub, ver = 1 }: Readonly<Record<string, unknown>>): Bearer | undefined {
  return typeof sub === 'string' && typeof ver === 'number' ? { id: sub, tokenVersion: ver } : undefined;
}
