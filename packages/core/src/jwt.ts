import { userIdOf } from '@callboard/protocol';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import type { VerifyClient } from './api.ts';
import { type Clock, systemClock } from './clock.ts';

/** Where the keys come from: exactly one of the three. */
export type JwtKeys =
  /** Shared with whoever signs; as long as the algorithm's hash at least: 32 bytes for HS256. */
  | { readonly secret: string | Uint8Array; readonly jwksUrl?: undefined; readonly jwks?: undefined }
  /** Public keys of an identity provider; fetched when first needed, and again for a key that is not known. */
  | { readonly jwksUrl: string | URL; readonly secret?: undefined; readonly jwks?: undefined }
  /** Public keys that are at hand. */
  | { readonly jwks: JSONWebKeySet; readonly secret?: undefined; readonly jwksUrl?: undefined };

export type JwtOptions = JwtKeys & {
  /** Who may have issued it (`iss`). Default: anybody who has the key. */
  readonly issuer?: string | string[];
  /** For whom it may be (`aud`). Default: anybody. */
  readonly audience?: string | string[];
  /** Default: HS256 with a secret, else all that sign with a private key. `none` is never accepted. */
  readonly algorithms?: readonly string[];
  /** The claim that must be the user id the client names. Default `sub`. */
  readonly userIdClaim?: string;
  /** How far the issuer's clock may be off, in milliseconds. Default 0. */
  readonly clockToleranceMs?: number;
  /** Default: the system's. */
  readonly clock?: Pick<Clock, 'now'>;
};

/**
 * Verifies a JSON Web Token (RFC 7519) as the client's token: for the option `verifyClient`. A missing, invalid or
 * foreign one is refused (UNAUTHORIZED); one that has expired is TOKEN_EXPIRED, come back with a fresh one; where the
 * keys cannot be had, nobody can tell (VERIFY_FAILED, come back later). Its claims reach handlers as `client.claims`, and its end is the connection's.
 * @throws TypeError where the options contradict each other, RangeError where the secret is too short.
 */
export function jwt(options: JwtOptions): VerifyClient {
  const { issuer, audience, userIdClaim = 'sub', clockToleranceMs = 0, clock = systemClock } = options;
  const algorithms = [...(options.algorithms ?? (options.secret === undefined ? asymmetric : ['HS256']))];
  const keys = keysOf(options, algorithms);
  return async ({ userId, token }) => {
    if (token === undefined) return false;
    const claims = await verified(token, keys, {
      algorithms,
      currentDate: new Date(clock.now()),
      clockTolerance: clockToleranceMs / 1000,
      ...(issuer !== undefined && { issuer }),
      ...(audience !== undefined && { audience }),
    });
    if (claims === undefined || userIdOf(claims[userIdClaim]) !== userId) return false;
    if (claims.exp === undefined) return { userId, claims };
    return { userId, claims, expiresAtMs: claims.exp * 1000 + clockToleranceMs };
  };
}

const asymmetric = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** RFC 7518, section 3.2: a key of the hash's size or larger. */
const secretBytes: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };

function keysOf({ secret, jwksUrl, jwks }: JwtOptions, algorithms: readonly string[]): JWTVerifyGetKey {
  if ([secret, jwksUrl, jwks].filter((each) => each !== undefined).length !== 1) {
    throw new TypeError('jwt needs exactly one of secret, jwksUrl and jwks');
  }
  const possible = secret === undefined ? asymmetric : Object.keys(secretBytes);
  const wrong = algorithms.find((algorithm) => !possible.includes(algorithm));
  if (wrong !== undefined || algorithms.length === 0) {
    throw new TypeError(`algorithms are some of ${possible.join(', ')} here, not ${wrong ?? 'none'}`);
  }
  if (jwksUrl !== undefined) return createRemoteJWKSet(new URL(jwksUrl));
  if (jwks !== undefined) return createLocalJWKSet(jwks);
  const key = typeof secret === 'string' ? new TextEncoder().encode(secret) : (secret as Uint8Array);
  const least = Math.max(...algorithms.map((algorithm) => secretBytes[algorithm] as number));
  if (key.byteLength < least) {
    throw new RangeError(`the secret has ${key.byteLength} bytes; ${algorithms.join(', ')} needs ${least}`);
  }
  return async () => key;
}

/** The claims; undefined where the token is at fault. @throws what else went wrong. */
async function verified(
  token: string,
  keys: JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<JWTPayload | undefined> {
  try {
    return (await jwtVerify(token, keys, options)).payload;
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return anyOf(error, token, options);
    // `exp` is looked at last: but for its age the token is good, and its client should come back with a fresh one.
    if (error instanceof errors.JWTExpired && error.claim === 'exp') return error.payload;
    if (error instanceof errors.JOSEError && faultsOfTokens.has(error.code)) return undefined;
    throw error;
  }
}

/** The token does not say by which of several keys it was signed. */
async function anyOf(
  keys: errors.JWKSMultipleMatchingKeys,
  token: string,
  options: JWTVerifyOptions,
): Promise<JWTPayload | undefined> {
  for await (const key of keys) {
    const claims = await verified(token, async () => key, options);
    if (claims !== undefined) return claims;
  }
  return undefined;
}

const faultsOfTokens: ReadonlySet<string> = new Set([
  errors.JWTClaimValidationFailed.code,
  errors.JWTExpired.code,
  errors.JWTInvalid.code,
  errors.JWSInvalid.code,
  errors.JWSSignatureVerificationFailed.code,
  errors.JOSEAlgNotAllowed.code,
  errors.JOSENotSupported.code,
  errors.JWKSNoMatchingKey.code,
]);
