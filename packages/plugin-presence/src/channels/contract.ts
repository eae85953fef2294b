import { type AnyAction, isChannel, ReplyError } from '@callboard/protocol';

/** What the server half and the client half say to each other of channels. */

/** What a client says of itself in a channel: an object that JSON can hold. */
export type MemberMeta = Readonly<Record<string, unknown>>;

/** A client that is in a channel. */
export interface MemberClient {
  readonly clientId: string;
  /** Empty until it says something. */
  readonly meta: MemberMeta;
}

/** A user who is in a channel, by at least one client. */
export interface Member {
  readonly userId: string;
  /** In the order in which they came. */
  readonly clients: readonly MemberClient[];
}

/** How many are in a channel. */
export interface Counts {
  readonly users: number;
  readonly clients: number;
  /** False where the channel carries counts alone. */
  readonly listed: boolean;
}

/** A client with what it says, which is left out where that is nothing. */
export type Entry = readonly [clientId: string, userId: string, meta?: MemberMeta];

/** What is told of a channel's members at once. A client that is `set` is there, as it is told here; one that is `gone` is not. */
export interface Batch extends Counts {
  /** One more than that of the batch before. */
  readonly seq: number;
  readonly set?: readonly Entry[];
  readonly gone?: readonly string[];
}

/** From a client that has subscribed to `streamOf(channel)`: who is there? Answered with a Page. */
export interface AskMembers {
  readonly type: 'PRESENCE_MEMBERS';
  readonly channel: string;
  /** The `next` of the page before. */
  readonly after?: number;
}
/** Some of those who are there. What changes between two pages is told in batches, which come after the first one's `seq`. */
export interface Page extends Counts {
  readonly seq: number;
  readonly entries: readonly Entry[];
  /** Absent on the last one. */
  readonly next?: number;
  /** Another one each time that the server is started. */
  readonly run: string;
  /** So long, in milliseconds, those who were there before the server was started may not be back yet. */
  readonly settlesMs: number;
}

/** From a client, of itself; null takes back what it said. */
export interface SayMeta {
  readonly type: 'PRESENCE_META';
  readonly channel: string;
  readonly meta: MemberMeta | null;
}

const PREFIX = 'presence/';

/** The channel by which the members of this one are told. */
export function streamOf(channel: string): string {
  return PREFIX + channel;
}
/** All of them. */
export const streams = `${PREFIX}#`;

/** The channel whose members are told by this one, if it is such a one. */
export function channelOf(stream: string): string | undefined {
  return stream.startsWith(PREFIX) ? stream.slice(PREFIX.length) : undefined;
}

/** @throws ReplyError INVALID_ACTION */
export function askMembers({ channel, after }: AnyAction): Omit<AskMembers, 'type'> {
  const isCursor = after === undefined || (Number.isSafeInteger(after) && (after as number) >= 0);
  if (!isChannel(channel) || !isCursor) throw refusal('INVALID_ACTION');
  return { channel, ...(after !== undefined && { after: after as number }) };
}

/** @throws ReplyError INVALID_ACTION, INVALID_META */
export function sayMeta({ channel, meta }: AnyAction): Omit<SayMeta, 'type'> {
  if (!isChannel(channel)) throw refusal('INVALID_ACTION');
  if (meta !== null && !isMeta(meta))
    throw refusal('INVALID_META', 'What is said in a channel is no object.');
  return { channel, meta };
}

/** A request that certainly changed nothing. */
export function refusal(code: string, message?: string): ReplyError {
  return new ReplyError(code, { effect: 'none', ...(message !== undefined && { message }) });
}

/** A page may be older than its server. */
export function isBatch(data: unknown): data is Batch {
  return isObject(data) && typeof data.seq === 'number' && typeof data.listed === 'boolean';
}

function isMeta(value: unknown): value is MemberMeta {
  return isObject(value) && !Array.isArray(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
