import { type AnyAction, isAction, nativeEvents, type UserId, userIdOf } from '@callboard/protocol';
import { NotifyError, type NotifyErrorCode } from './errors.ts';
import { isStorable } from './storable.ts';
import type { Definition, Recipients } from './store.ts';

/** A time: a Date, or milliseconds since 1970 (UTC). */
export type Time = Date | number;

export type To =
  | UserId
  | readonly UserId[]
  | { readonly channel: string }
  | { readonly audience: string; readonly params?: unknown };

export interface Terms {
  readonly action: AnyAction;
  /** Users by id (at most 1,000), a channel's subscribers, or one of the option `audiences`, asked when it is due. */
  readonly to: To;
  /** How long before it falls due, each once, in milliseconds; at most 16. Default: [0]. */
  readonly leadTimesMs?: readonly number[];
  /** How long it waits for who is offline. Default: `at` where all lead times are above 0, else 7 days later. */
  readonly expiresAt?: Time;
  /** What to do with what fell due while no server ran. Default 'deliver'; 'skip' is the same as `{ withinMs: 60_000 }`. */
  readonly missed?: 'deliver' | 'skip' | { readonly withinMs: number };
}
/** When it is about: then, or in so many milliseconds. */
export type When = { readonly at: Time; readonly in?: never } | { readonly in: number; readonly at?: never };

/** What `schedule` is asked for. */
export type Asked = Terms & When & { readonly key: string };
/** What `reschedule` is: what is absent stays. Where the time changes, an `expiresAt` that was given moves with it. */
export type Change = Partial<Terms> & (When | { readonly at?: never; readonly in?: never });

export interface Bounds {
  /** Of the action as JSON, in UTF-8. */
  readonly maxActionBytes: number;
  readonly hasAudience: (name: string) => boolean;
}

const maxUsers = 1_000;
const maxLeads = 16;
const dayMs = 86_400_000;
const latest = 8.64e15;

function refuse(code: NotifyErrorCode, message: string): never {
  throw new NotifyError(code, message);
}

/** Checks all of it; `unmovedAt` is the time that it has already, which may have passed. @throws NotifyError */
export function definitionOf(asked: Asked, now: number, bounds: Bounds, unmovedAt?: number): Definition {
  const { key } = asked;
  if (!isStorable(key, 200)) refuse('INVALID_KEY', 'a key is text of 1 to 200 printable characters');
  const at = timeOf(asked, now);
  if (at < now && at !== unmovedAt) refuse('PAST_TIME', 'the time has passed');
  const action = actionOf(asked.action, bounds);
  const to = recipientsOf(asked.to, bounds);
  const leadTimesMs = leadsOf(asked.leadTimesMs);
  const expiresAt =
    asked.expiresAt === undefined
      ? at + (leadTimesMs.includes(0) ? 7 * dayMs : 0)
      : momentOf(asked.expiresAt, 'expiresAt');
  if (expiresAt <= Math.max(now, at - (leadTimesMs[0] as number)))
    refuse('INVALID_TIME', 'it expires before it is due');
  const withinMs = withinOf(asked.missed);
  const given = {
    at: asked.in === undefined ? at : undefined,
    in: asked.in,
    expiresAt: asked.expiresAt && expiresAt,
  };
  return {
    key,
    at,
    action,
    to,
    leadTimesMs,
    expiresAt,
    withinMs,
    asked: canonical({ ...given, action, to, leadTimesMs, withinMs }),
  };
}

/** What a change makes of a definition. @throws NotifyError */
export function changedBy(change: Change, was: Definition, now: number, bounds: Bounds): Definition {
  const at = change.at === undefined && change.in === undefined ? was.at : timeOf(change, now);
  const leadTimesMs = change.leadTimesMs ?? was.leadTimesMs;
  const explicit = (JSON.parse(was.asked) as { expiresAt?: number }).expiresAt;
  const expiresAt = change.expiresAt ?? (explicit === undefined ? undefined : explicit + at - was.at);
  return definitionOf(
    {
      key: was.key,
      at,
      action: change.action ?? was.action,
      to: change.to ?? ('users' in was.to ? was.to.users : was.to),
      leadTimesMs,
      ...(expiresAt !== undefined && { expiresAt }),
      missed: change.missed ?? (was.withinMs === null ? 'deliver' : { withinMs: was.withinMs }),
    },
    now,
    bounds,
    was.at,
  );
}

/** User ids as text, each once. @throws NotifyError */
export function usersOf(ids: readonly unknown[]): string[] {
  const users = new Set<string>();
  for (const id of ids) {
    const user = userIdOf(id);
    if (!isStorable(user)) refuse('INVALID_RECIPIENTS', 'a recipient is no user id');
    users.add(user);
  }
  return [...users];
}

function timeOf(when: { readonly at?: unknown; readonly in?: unknown }, now: number): number {
  if ((when.at === undefined) === (when.in === undefined)) refuse('INVALID_TIME', 'either `at` or `in`');
  if (when.at !== undefined) return momentOf(when.at, 'at');
  if (!isDuration(when.in)) refuse('INVALID_TIME', '`in` is a whole number of milliseconds from 0 on');
  return momentOf(now + when.in, 'in');
}

function momentOf(time: unknown, name: string): number {
  const ms = time instanceof Date ? time.getTime() : time;
  if (!Number.isSafeInteger(ms) || Math.abs(ms as number) > latest)
    refuse('INVALID_TIME', `${name} is no time`);
  return ms as number;
}

const isDuration = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function actionOf(action: unknown, { maxActionBytes }: Bounds): AnyAction {
  if (!isAction(action)) refuse('INVALID_ACTION', 'an action is an object with a type');
  if ((Object.values(nativeEvents).flat() as string[]).includes(action.type))
    refuse('INVALID_ACTION', `${action.type} is a native event`);
  let text: string;
  try {
    text = JSON.stringify(action);
  } catch (cause) {
    throw new NotifyError('INVALID_ACTION', 'the action cannot be written as JSON', cause);
  }
  if (Buffer.byteLength(text) > maxActionBytes)
    refuse('ACTION_TOO_LARGE', `an action has at most ${maxActionBytes} bytes as JSON`);
  return JSON.parse(text) as AnyAction;
}

function recipientsOf(to: unknown, { hasAudience }: Bounds): Recipients {
  if (typeof to !== 'object' || to === null || Array.isArray(to)) {
    const users = usersOf(Array.isArray(to) ? to : [to]);
    if (users.length === 0 || users.length > maxUsers)
      refuse('INVALID_RECIPIENTS', `1 to ${maxUsers} users; an audience has room for more`);
    return { users };
  }
  const { channel, audience, params } = to as { channel?: unknown; audience?: unknown; params?: unknown };
  if (typeof channel === 'string' && isStorable(channel)) return { channel };
  if (typeof audience !== 'string') refuse('INVALID_RECIPIENTS', 'users, a channel or an audience');
  if (!hasAudience(audience)) refuse('UNKNOWN_AUDIENCE', `there is no audience ${audience}`);
  let text: string | undefined;
  try {
    text = JSON.stringify(params);
  } catch (cause) {
    throw new NotifyError('INVALID_RECIPIENTS', 'the params cannot be written as JSON', cause);
  }
  if (text !== undefined && Buffer.byteLength(text) > 16_384)
    refuse('INVALID_RECIPIENTS', 'the params of an audience have at most 16,384 bytes as JSON');
  return { audience, ...(text !== undefined && { params: JSON.parse(text) as unknown }) };
}

function leadsOf(leads: unknown = [0]): readonly number[] {
  if (!Array.isArray(leads) || leads.length === 0 || leads.length > maxLeads || !leads.every(isDuration))
    refuse('INVALID_TIME', `leadTimesMs are 1 to ${maxLeads} whole numbers of milliseconds from 0 on`);
  return [...new Set(leads as number[])].sort((a, b) => b - a);
}

function withinOf(missed: unknown = 'deliver'): number | null {
  if (missed === 'deliver') return null;
  if (missed === 'skip') return 60_000;
  const { withinMs } = (missed ?? {}) as { withinMs?: unknown };
  if (!isDuration(withinMs)) refuse('INVALID_TIME', "missed is 'deliver', 'skip' or { withinMs }");
  return withinMs;
}

/** JSON whose objects have their fields in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}
