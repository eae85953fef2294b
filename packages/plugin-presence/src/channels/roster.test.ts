import type { Client } from '@callboard/core';
import { expect, test } from '@jest/globals';
import { type Membership, Roster } from './roster.ts';

const turn = (roster: Roster, membership: Membership, state: Membership['state']) =>
  roster.change(membership, 'open', () => {
    membership.state = state;
  });

test('who comes back while somebody reads the list, page by page, is on a later one', () => {
  const roster = new Roster('room/1', {}, 0);
  const all = Array.from({ length: 300 }, (_, i) =>
    roster.add({ id: `c${i}`, user: { id: `u${i}` } } as Client),
  );
  for (const membership of all) turn(roster, membership, 'here');
  const [some] = all;
  turn(roster, some as Membership, 'away');
  const first = roster.page();
  turn(roster, some as Membership, 'here');
  const second = roster.page(first.next);
  expect([first.entries.length, second.entries.length, second.next]).toEqual([256, 44, undefined]);
  expect(second.entries.at(-1)).toEqual(['c0', 'u0']);
});
