import type { Item } from './contract.ts';

/** UTF-16 units of actions in one message: well below what a connection may have waiting. */
const MOST_LENGTH = 131_072;

/** Items in portions that one message each can carry: up to so many, and one at least, however long its action is. */
export function bundles<T extends Pick<Item, 'action'>>(
  items: readonly T[],
  most: number,
): readonly (readonly T[])[] {
  const made: T[][] = [];
  let length = 0;
  for (const item of items) {
    const last = made.at(-1);
    const own = JSON.stringify(item.action).length;
    length += own;
    if (last !== undefined && last.length < most && length <= MOST_LENGTH) last.push(item);
    else {
      made.push([item]);
      length = own;
    }
  }
  return made;
}
