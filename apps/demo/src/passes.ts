import { randomBytes } from 'node:crypto';
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';

const ISSUER = 'tallow-street';
const LIFETIME = '8h';
/** Since its holder signed in, in seconds: however often it was renewed. */
const LONGEST = 7 * 24 * 3_600;

/** Signs and reads the tokens that users carry. */
export class Passes {
  readonly secret: Uint8Array;
  readonly issuer = ISSUER;

  /** @param secret Default: a random one, so that no token outlives the server. @throws RangeError where it is short. */
  constructor(secret?: string) {
    this.secret = secret === undefined ? randomBytes(32) : new TextEncoder().encode(secret);
    if (this.secret.byteLength < 32) throw new RangeError('the secret needs 32 bytes or more');
  }

  /** @param signedInAt in seconds since 1970. Default: now. */
  issue(userId: string, signedInAt = Math.floor(Date.now() / 1_000)): Promise<string> {
    return new SignJWT({ auth_time: signedInAt })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(ISSUER)
      .setSubject(userId)
      .setIssuedAt()
      .setExpirationTime(LIFETIME)
      .sign(this.secret);
  }

  /** Another one for one that is good; undefined where its holder has to sign in again. */
  async renew(token: string): Promise<string | undefined> {
    const { sub, auth_time: signedInAt } = (await this.#read(token)) ?? {};
    if (sub === undefined || typeof signedInAt !== 'number') return undefined;
    return Date.now() / 1_000 - signedInAt < LONGEST ? this.issue(sub, signedInAt) : undefined;
  }

  /** Whose it is; undefined where it is no good. */
  async holder(token: string): Promise<string | undefined> {
    return (await this.#read(token))?.sub;
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
