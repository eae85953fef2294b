import { type ActionContract, ByPattern, type ChannelRequest } from '@callboard/core';
import type { Awaitable } from '@callboard/runtime';

/** How presence is in the channels of one pattern. */
export interface ChannelPresencePolicy {
  /**
   * Whether a client that may subscribe to the channel may also see who is in it. Asked when it wants to, and again as the
   * channel's own `canSubscribe` is. Default: it may.
   */
  readonly canWatch?: (request: ChannelRequest) => Awaitable<boolean>;
  /**
   * Who is in the channel: whoever has subscribed to it (`subscribed`), or of those only who says something of itself there
   * (`entered`). Default `subscribed`.
   */
  readonly members?: 'subscribed' | 'entered';
  /** Counts alone: nobody learns who is there. Default false. */
  readonly countsOnly?: boolean;
  /** With more clients than that the channel carries counts alone, until a tenth of them is missing again. Default 1,000. */
  readonly maxListed?: number;
  /** Of what a client says, as JSON in UTF-8. Default 1,024. */
  readonly maxMetaBytes?: number;
  /** What a client says must satisfy it, and others see what it makes of that: a Standard Schema that answers at once. */
  readonly meta?: Extract<ActionContract, { '~standard': unknown }>;
}

/** By pattern of channels, as the server's `channels`: the most specific one holds. */
export type ChannelPresencePolicies = Readonly<Record<string, ChannelPresencePolicy>>;

export interface ChannelPresenceOptions {
  /** The channels that have presence. Default: none has. */
  readonly channels?: ChannelPresencePolicies;
  /** From the loss of a client's connection until it is in no channel, in milliseconds. Default 30,000. */
  readonly graceMs?: number;
  /** The same, where it said goodbye: a page that was closed or is being reloaded. Default 5,000. */
  readonly graceAfterCloseMs?: number;
  /** Changes are told together, so often, in milliseconds; the first one after a pause is at once. Default 100. */
  readonly batchMs?: number;
}

export const defaultMaxListed = 1_000;
export const defaultMaxMetaBytes = 1_024;

const kinds: Readonly<Record<keyof ChannelPresencePolicy, string>> = {
  canWatch: 'function',
  members: 'string',
  countsOnly: 'boolean',
  maxListed: 'number',
  maxMetaBytes: 'number',
  meta: 'object',
};

/** @throws TypeError where a pattern or a policy is none, RangeError where a number is out of range. */
export function policiesOf(policies: ChannelPresencePolicies = {}): ByPattern<ChannelPresencePolicy> {
  const byPattern = new ByPattern<ChannelPresencePolicy>();
  for (const [pattern, policy] of Object.entries(policies)) {
    assertPolicy(`presence in '${pattern}'`, policy);
    byPattern.add(pattern, policy);
  }
  return byPattern;
}

function assertPolicy(where: string, policy: ChannelPresencePolicy): void {
  for (const [name, value] of Object.entries(policy)) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name as keyof ChannelPresencePolicy] : undefined;
    if (kind === undefined) throw new TypeError(`${where} has no ${name}`);
    // Some schemas are functions.
    const isOne = kind === typeof value || (name === 'meta' && typeof value === 'function');
    if (value !== undefined && !isOne) throw new TypeError(`${where}: ${name} is no ${kind}`);
  }
  const { members = 'subscribed', maxListed = 0, maxMetaBytes = 2 } = policy;
  if (members !== 'subscribed' && members !== 'entered')
    throw new TypeError(`${where}: members is neither subscribed nor entered`);
  if (!(Number.isSafeInteger(maxListed) && maxListed >= 0 && maxMetaBytes >= 2))
    throw new RangeError(`${where}: maxListed is a whole number, maxMetaBytes at least 2`);
}
