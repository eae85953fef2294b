import {
  type Action,
  isAction,
  isChannel,
  isData,
  type Meta,
  type UserId,
  userIdOf,
} from '@callboard/protocol';

/** Tells the watchers of these paths, or path patterns, that they have changed. For the plugin refetch. */
export interface BumpCommand {
  readonly bump: string | readonly string[];
  /** As of `server.refetch.bump`. */
  readonly version?: number;
  /** From now, in milliseconds. */
  readonly delayMs?: number;
}

/** As `server.publish`. */
export interface PublishCommand {
  readonly publish: string;
  readonly data: unknown;
  readonly meta?: Meta;
  readonly version?: number;
  readonly key?: string;
}

/** As `server.sendToUser`. */
export interface SendCommand {
  readonly send: UserId | readonly UserId[];
  readonly action: Action;
}

/** What a backend may have done. */
export type Command = BumpCommand | PublishCommand | SendCommand;

/** Of paths or users in one command. */
const MAX_TARGETS = 1_000;
const MAX_DELAY_MS = 86_400_000;

/** Why something is no command; told to the log and to nobody else. */
export class Malformed extends Error {}

/** @throws Malformed where the text is no command of version 1. */
export function parseCommand(text: string): Command {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Malformed('it is no JSON');
  }
  if (!isObject(value)) throw new Malformed('it is no object');
  const { v, ...command } = value;
  if (v !== 1) throw new Malformed('v is not 1');
  return validCommand(command);
}

/** @throws Malformed where the value is no command. What it has besides is left out. */
export function validCommand(value: unknown): Command {
  if (!isObject(value)) throw new Malformed('it is no object');
  const verbs = ['bump', 'publish', 'send'].filter((verb) => value[verb] !== undefined);
  if (verbs.length !== 1) throw new Malformed('it has not exactly one of bump, publish and send');
  if (verbs[0] === 'bump') return bump(value);
  return verbs[0] === 'publish' ? publish(value) : send(value);
}

function bump({ bump: paths, version, delayMs }: Fields): BumpCommand {
  if (!isTargets(paths, (path) => typeof path === 'string' && path.startsWith('/')))
    throw new Malformed(`bump is not a path, nor 1 to ${MAX_TARGETS} of them`);
  if (delayMs !== undefined && !isWhole(delayMs, MAX_DELAY_MS))
    throw new Malformed(`delayMs is no whole number from 0 to ${MAX_DELAY_MS}`);
  return { bump: paths as string, ...versionOf(version), ...(delayMs !== undefined && { delayMs }) };
}

function publish({ publish: channel, data, meta, version, key }: Fields): PublishCommand {
  if (!isChannel(channel)) throw new Malformed('publish is no name of a channel');
  if (data === undefined || !isData(data)) throw new Malformed('data is missing, or is no data');
  if (meta !== undefined && !isObject(meta)) throw new Malformed('meta is no object');
  if (key !== undefined && !(typeof key === 'string' && key.length >= 1 && key.length <= 255))
    throw new Malformed('key has not 1 to 255 characters');
  return {
    publish: channel,
    data,
    ...(meta !== undefined && { meta }),
    ...(key !== undefined && { key }),
    ...versionOf(version),
  };
}

function send({ send: to, action }: Fields): SendCommand {
  if (!isTargets(to, (id) => userIdOf(id) !== undefined))
    throw new Malformed(`send is no user id, nor 1 to ${MAX_TARGETS} of them`);
  if (!isAction(action)) throw new Malformed('action is no object with a type');
  return { send: to as UserId, action };
}

type Fields = Readonly<Record<string, unknown>>;

function versionOf(version: unknown): { version?: number } {
  if (version === undefined) return {};
  if (!isWhole(version, Number.MAX_SAFE_INTEGER)) throw new Malformed('version is no whole number from 0 on');
  return { version };
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

function isTargets(value: unknown, isOne: (each: unknown) => boolean): boolean {
  if (!Array.isArray(value)) return isOne(value);
  return value.length >= 1 && value.length <= MAX_TARGETS && value.every(isOne);
}
