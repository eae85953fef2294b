import { randomBytes } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';

const ISSUER = 'tallow-street';
const LIFETIME = '8h';

/** Signs and reads the tokens that users carry. */
export class Passes {
  readonly secret: Uint8Array;
  readonly issuer = ISSUER;

  /** @param secret Default: a random one, so that no token outlives the server. @throws RangeError where it is short. */
  constructor(secret?: string) {
    this.secret = secret === undefined ? randomBytes(32) : new TextEncoder().encode(secret);
    if (this.secret.byteLength < 32) throw new RangeError('the secret needs 32 bytes or more');
  }

  issue(userId: string): Promise<string> {
    return new SignJWT()
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(ISSUER)
      .setSubject(userId)
      .setIssuedAt()
      .setExpirationTime(LIFETIME)
      .sign(this.secret);
  }

  /** Whose it is; undefined where it is no good. */
  async holder(token: string): Promise<string | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.secret, { algorithms: ['HS256'], issuer: ISSUER });
      return payload.exp === undefined ? undefined : payload.sub;
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }
}
