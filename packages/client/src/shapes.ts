/** What a server's words are looked at with, before this client builds on them. */

import { isFilter, type Position, type Streams } from '@callboard/protocol';

export type Fields = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}

export function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function isDuration(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}

export function isPosition(value: unknown): value is Position {
  return isObject(value) && isText(value.epoch) && isOffset(value.offset);
}

/** Only filters have no position. */
export function isStreams(value: unknown): value is Streams {
  return (
    isObject(value) &&
    Object.entries(value).every(
      ([name, at]) =>
        isPosition(at) ||
        (isFilter(name) && isObject(at) && at.epoch === undefined && at.offset === undefined),
    )
  );
}

/** What a publication has, live or kept. */
export function isPublication({ offset, data, from, meta, version }: Fields): boolean {
  return (
    isOffset(offset) &&
    data !== undefined &&
    (from === undefined || isObject(from)) &&
    (meta === undefined || isObject(meta)) &&
    (version === undefined || isOffset(version))
  );
}
