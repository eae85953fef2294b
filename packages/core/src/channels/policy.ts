import type { Contract } from '@callboard/protocol';
import type { Awaitable } from '@callboard/runtime';
import type { Client, User } from '../api.ts';
import type { Attributes, Retention } from '../streams/log.ts';
import { ByPattern } from './by-pattern.ts';
import type { Pattern } from './pattern.ts';
import { type PayloadFormat, payloadFormats } from './payload.ts';

/** Who asks to do something with which channel. */
export interface ChannelRequest {
  readonly user: User;
  readonly client: Client;
  /** Its name; the filter where a policy with `filters` is asked about one. */
  readonly channel: string;
}

/** What holds for the channels of one pattern. */
export interface ChannelPolicy {
  /**
   * What is kept for readers that come back, and for `history()`: `size` publications and `maxBytes` of them (default
   * 1,048,576), each for `ttlMs` milliseconds (default 120,000, twice the resume window's default). Default: nothing.
   */
  readonly history?: { readonly size: number; readonly maxBytes?: number; readonly ttlMs?: number };
  /**
   * Keeps the last publication until the server stops, for those who subscribe later. `marked`: only what a device has marked as
   * retained (MQTT's RETAIN flag); what is not marked passes and leaves the last value as it is. Default false.
   */
  readonly retain?: boolean | 'marked';
  /**
   * Asked when a client subscribes, and again when its token is refreshed or its claims have changed: false then ends the
   * subscription. False refuses with FORBIDDEN, a ReplyError that it throws with that, what else it throws with INTERNAL, too
   * slow with CHECK_TIMEOUT. Default: nobody may.
   */
  readonly canSubscribe?: (request: ChannelRequest) => Awaitable<boolean>;
  /**
   * Whether clients may read these channels through filters, too: `canSubscribe` is then also asked with a filter as
   * `channel`, and what it allows are all channels of this policy that the filter fits. Default false, as a check that
   * knows names alone could let too much through.
   */
  readonly filters?: boolean;
  /**
   * Asked at each publication of a client's, as `canSubscribe`, with what the schema made of the data; the server itself
   * always may.
   */
  readonly canPublish?: (request: ChannelRequest & { readonly data: unknown }) => Awaitable<boolean>;
  /**
   * What is published, by clients and by the server, must satisfy it: INVALID_DATA where it does not. Readers get what
   * it makes of the data. Default: what the contract's `channels` say, else anything.
   */
  readonly schema?: NonNullable<Contract['channels']>[string];
  /**
   * Publications per second that one client may put into the channels of this policy, in all, with a burst of two
   * seconds' worth, one at least: RATE_LIMITED. What is then refused for another reason counts. Default: as many as `maxFramesPerSecond` lets through.
   */
  readonly maxPerSecond?: number;
  /**
   * For a reader whose connection does not take more. `queue`: all waits, up to `maxOutboxBytes`, and then the reader is
   * disconnected. `latest`: above 65,536 bytes that wait, only the last publication of each such channel waits with
   * them, and a gap (`conflated`) says what is left out. Default `queue`.
   */
  readonly overflow?: 'queue' | 'latest';
  /**
   * How the bytes of a payload, as MQTT has them, become data for all other readers, and data becomes a payload. `text`: a string
   * (UTF-8; data that is none is written as JSON), `json`: any JSON value, `number`: a number in decimals, `raw`: bytes. Bytes that
   * are none of that reach only those who read bytes, and are counted. Default `text`.
   */
  readonly payload?: PayloadFormat;
  /**
   * Whether another system that a gateway joins, such as an MQTT broker, may take part: false keeps it between this server and its
   * clients. Default true.
   */
  readonly bridged?: boolean;
}

/**
 * Policies by pattern: exact names, and names with `+` and `#` as in MQTT 5, section 4.7. The most specific one holds, and
 * that one alone: compared level by level from the left, a name is before `+`, and that before `#`.
 */
export type ChannelPolicies = Readonly<Record<string, ChannelPolicy>>;

const closed: ChannelPolicy = {};
const HISTORY_TTL_MS = 120_000;
const HISTORY_BYTES = 1_048_576;

export class Policies {
  readonly #byPattern = new ByPattern<ChannelPolicy>();
  /** What was asked for last: one publication asks several times. */
  #last: { readonly channel: string; readonly policy: ChannelPolicy } | undefined;

  /** @throws as `add`. */
  constructor(policies: ChannelPolicies = {}) {
    for (const [pattern, policy] of Object.entries(policies)) this.add(pattern, policy);
  }

  /** @throws TypeError where the pattern or the policy is none, RangeError where a number is none, Error where the pattern has a policy. */
  add(pattern: string, policy: ChannelPolicy): void {
    assertPolicy(`channels['${pattern}']`, policy);
    this.#byPattern.add(pattern, policy);
    this.#last = undefined;
  }

  /** What other systems may take part in. */
  get bridged(): readonly string[] {
    return this.#byPattern.patternsOf(isBridged);
  }

  of(channel: string): ChannelPolicy {
    if (this.#last?.channel !== channel)
      this.#last = { channel, policy: this.#byPattern.of(channel) ?? closed };
    return this.#last.policy;
  }

  /** Those that hold for channels which the filter fits. */
  within(filter: Pattern): ReadonlySet<ChannelPolicy> {
    return this.#byPattern.within(filter);
  }

  /** Those, and what holds for channels that have no policy. */
  allWithin(filter: Pattern): ReadonlySet<ChannelPolicy> {
    return new Set([...this.within(filter), closed]);
  }
}

/** Whether a publication becomes its channel's last value. */
export const isKept = ({ retain }: ChannelPolicy, attributes: Attributes | undefined): boolean =>
  retain === true || (retain === 'marked' && attributes?.retain === true);

export const isBridged = ({ bridged }: ChannelPolicy): boolean => bridged !== false;

export function retentionOf({ history }: ChannelPolicy): Retention {
  return {
    maxEntries: history?.size ?? 0,
    maxLength: Number.POSITIVE_INFINITY,
    maxBytes: history?.maxBytes ?? HISTORY_BYTES,
    ttlMs: history?.ttlMs ?? HISTORY_TTL_MS,
  };
}

type Kind = 'function' | 'boolean' | 'object' | 'number' | 'string';
const kinds: Readonly<Record<keyof ChannelPolicy, Kind>> = {
  history: 'object',
  retain: 'boolean',
  canSubscribe: 'function',
  filters: 'boolean',
  canPublish: 'function',
  schema: 'object',
  maxPerSecond: 'number',
  overflow: 'string',
  payload: 'string',
  bridged: 'boolean',
};

/** A right that is misspelt is one that nobody has, or everybody: so it is said at once. */
function assertPolicy(where: string, policy: ChannelPolicy): void {
  for (const [name, value] of Object.entries(policy)) {
    if (name === 'retain' && value === 'marked') continue;
    const kind = Object.hasOwn(kinds, name) ? kinds[name as keyof ChannelPolicy] : undefined;
    if (kind === undefined) throw new TypeError(`${where} has no ${name}`);
    const isOne = kind === 'object' ? isObject(value) : typeof value === kind;
    if (value !== undefined && !isOne) throw new TypeError(`${where}.${name} is no ${kind}`);
  }
  const { history, maxPerSecond, overflow, payload } = policy;
  if (overflow !== undefined && overflow !== 'queue' && overflow !== 'latest')
    throw new TypeError(`${where}.overflow is neither queue nor latest`);
  if (payload !== undefined && !Object.hasOwn(payloadFormats, payload))
    throw new TypeError(`${where}.payload is none of ${Object.keys(payloadFormats).join(', ')}`);
  if (maxPerSecond !== undefined && !(maxPerSecond > 0))
    throw new RangeError(`${where}.maxPerSecond must be a number above 0`);
  if (history === undefined) return;
  const { size, maxBytes = 1, ttlMs = 1 } = history;
  if (!(Number.isSafeInteger(size) && size > 0 && maxBytes > 0 && ttlMs > 0))
    throw new RangeError(
      `${where}.history keeps a whole number of publications, of some bytes, for some time`,
    );
}

function isObject(value: unknown): boolean {
  // Some schemas are functions.
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
