import { createHmac, timingSafeEqual } from 'node:crypto';

export interface WaymarkOptions {
  /** Default: `X-Waymark`. */
  readonly name?: string;
  /** Default: `1`. Without `;` or control characters. */
  readonly value?: string;
  /** Signs it, so that nobody else can send it: at least 16 characters, which the API knows too. Default: it is not signed. */
  readonly secret?: string;
}

/** The header by which an API knows that nobody looks at the page anew. */
export class Waymark {
  readonly name: string;
  readonly #value: string;
  readonly #secret: string | undefined;

  /** @throws TypeError where name or value is none, RangeError where the secret is too short. */
  constructor({ name = 'X-Waymark', value = '1', secret }: WaymarkOptions = {}) {
    if (!/^[\w-]+$/.test(name) || !/^[\x21-\x3a\x3c-\x7e]+$/.test(value))
      throw new TypeError('a waymark has the name of a header, and a value without ; and spaces');
    if (secret !== undefined && secret.length < 16)
      throw new RangeError('the secret of a waymark has at least 16 characters');
    this.name = name.toLowerCase();
    this.#value = value;
    this.#secret = secret;
  }

  /** For a request of this path at this time. */
  for(path: string, now: number): string {
    if (this.#secret === undefined) return this.#value;
    const seconds = Math.floor(now / 1_000);
    return `${this.#value};t=${seconds};s=${sign(this.#secret, this.#value, seconds, path)}`;
  }
}

export interface WaymarkCheck {
  readonly secret: string;
  /** The path of the request, with its query, as it stands in the request line. */
  readonly path: string;
  /** Milliseconds since 1970 (UTC). Default: the system's. */
  readonly now?: number;
  /** How far its time may be off, in milliseconds. Default 300,000. */
  readonly maxAgeMs?: number;
}

/** For an API in Node.js: whether the header's value was signed with the secret, for this path, not long ago. */
export function isWaymark(
  header: string | readonly string[] | undefined,
  { secret, path, now = Date.now(), maxAgeMs = 300_000 }: WaymarkCheck,
): boolean {
  const [, value = '', time = '', signature = ''] =
    /^([^;]+);t=(\d{1,12});s=([\w-]{43})$/.exec(String(header ?? '')) ?? [];
  const expected = Buffer.from(sign(secret, value, Number(time), path));
  const given = Buffer.from(signature);
  const isSigned = given.length === expected.length && timingSafeEqual(given, expected);
  return isSigned && Math.abs(now - 1_000 * Number(time)) <= maxAgeMs;
}

function sign(secret: string, value: string, seconds: number, path: string): string {
  return createHmac('sha256', secret).update(`${value}\n${seconds}\nGET\n${path}`).digest('base64url');
}
