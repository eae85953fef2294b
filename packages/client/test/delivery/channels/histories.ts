import assert from 'node:assert/strict';
import type { Position } from '@callboard/protocol';
import type { HistoryPage } from '../../../src/api.ts';
import { SendError } from '../../../src/send-error.ts';
import type { Random } from '../random.ts';
import type { Data } from './publications.ts';
import { type ChannelName, kindOf } from './service.ts';
import type { Tab } from './tab.ts';
import type { World } from './world.ts';

/** A client reads back what a channel keeps, page by page: all of it that is for it, in order. */
export function readBack(
  world: World,
  tab: Tab,
  channel: ChannelName,
  chance: Random,
  before?: Position,
): void {
  const { tally, rights } = world;
  const limit = chance.of([1, 2, 64]);
  const clientId = () => tab.clientId;
  const askedBy = clientId();
  const asked = tab.client.channel(channel).history({ limit, ...(before && { before }) });
  const forbiddenSince = rights.forbiddenSince(tab.userId, channel);
  const told = asked.then(
    (page) => {
      tally.count('histories');
      const isForbidden =
        forbiddenSince !== undefined && forbiddenSince === rights.forbiddenSince(tab.userId, channel);
      assert.ok(!isForbidden, `the history of ${channel} was told without a right`);
      assert.ok(page.publications.length <= limit);
      // Where the session is another one by now, nobody knows for which of both it was.
      if (askedBy === clientId()) hold(world, channel, page, askedBy, before);
      if (page.before === undefined) return;
      tally.count('older pages');
      readBack(world, tab, channel, chance, page.before);
    },
    (error) => {
      assert.ok(error instanceof SendError, `no SendError: ${error}`);
      tally.count(`history ${error.code}`);
      if (error.code === 'FORBIDDEN') assert.ok(rights.hasChanged(tab.userId, channel));
    },
  );
  told.catch((fault) => world.found(fault));
}

function hold(
  { log }: World,
  channel: ChannelName,
  { publications, position, before: older }: HistoryPage,
  clientId: string,
  before: Position | undefined,
): void {
  const told = `history of ${channel} for ${clientId}`;
  const end = before?.offset ?? position.offset + 1;
  if (before !== undefined) assert.equal(position.epoch, before.epoch, told);
  const ids = publications.map(({ data }) => (data as Data).id);
  const first = publications[0]?.position;
  const oldest = log.oldestOf(channel, position.epoch);
  const from = Math.min(first?.offset ?? end, older === undefined ? oldest : end);
  const there: string[] = [];
  let at = { epoch: position.epoch, offset: from - 1 };
  for (let next = log.next(at, clientId, end - 1); next; next = log.next(at, clientId, end - 1)) {
    there.push(next.data.id);
    at = { epoch: next.epoch, offset: next.offset };
  }
  assert.deepEqual(ids, there, `${told}, ${kindOf(channel)}`);
  for (const { data, position: place, retained } of publications) {
    const { data: printed, epoch, offset } = log.find((data as Data).id);
    assert.deepEqual({ data, place }, { data: printed, place: { epoch, offset } });
    assert.equal(retained, false);
  }
  if (older !== undefined) assert.ok(older.offset <= (first?.offset ?? end), told);
}
