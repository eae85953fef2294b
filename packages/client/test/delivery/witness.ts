import assert from 'node:assert/strict';
import { type ConnectedFrame, INBOX, type Position, type StreamState } from '@callboard/protocol';
import type { Gap, MessageDelivery } from '../../src/api.ts';
import type { Inboxes } from './inboxes.ts';
import type { Tally } from './tally.ts';

/**
 * Holds what one client sees against what was sent to it: each once, in order, nothing new before what was missed; or
 * it lies in a gap that covers exactly what was not seen.
 */
export class Witness {
  readonly #userId: string;
  readonly #inboxes: Inboxes;
  readonly #tick: () => number;
  readonly #tally: Tally;
  /** Where the application stands, by all that it was told. */
  #at: Position | undefined;
  #clientId = '';
  /** As whom and where it begins anew by the server's word: the gap up to there is still to come. */
  #anew: { readonly clientId: string; readonly to: Position } | undefined;
  /** The connection ended, the last one was tried, the last one came about; as ticks. */
  #lostAt = 0;
  #triedAt = 0;
  #connectedAt = 0;
  /** The newest message then, as the server knew. */
  #head: Position | undefined;
  #closed = false;
  seen = 0;

  constructor(userId: string, inboxes: Inboxes, tick: () => number, tally: Tally) {
    this.#userId = userId;
    this.#inboxes = inboxes;
    this.#tick = tick;
    this.#tally = tally;
  }

  tries(): void {
    this.#triedAt = this.#tick();
  }

  lost(): void {
    this.#lostAt = this.#tick();
  }

  /** The client is closed: it is told nothing any more. */
  close(): void {
    this.#closed = true;
  }

  /** The server's word on which session this is; the client is about to read it. */
  connected({ clientId, resumed, streams }: ConnectedFrame): void {
    const head = positionIn(streams[INBOX]);
    this.#connectedAt = this.#tick();
    this.#head = resumed ? head : undefined;
    this.#tally.count(resumed ? 'resumed' : this.#at === undefined ? 'began' : 'sessions lost');
    if (resumed) assert.equal(clientId, this.#clientId, 'resumed as another client');
    else if (this.#at !== undefined) this.#anew = { clientId, to: head };
    else {
      this.#at = head;
      this.#clientId = clientId;
    }
  }

  message({ action, from, recovered }: MessageDelivery): void {
    const at = this.#told();
    const letter = this.#inboxes.next(at, this.#clientId);
    assert.equal(action.id, letter?.action.id, `${this.#clientId} at ${show(at)} was given another message`);
    assert.deepEqual({ action, from }, { action: letter?.action, from: letter?.from });
    const sentAt = letter?.at ?? 0;
    if (sentAt > this.#connectedAt)
      assert.equal(recovered, false, `${action.id} was sent while it was online`);
    if (this.#head?.epoch === at.epoch && sentAt > this.#lostAt && sentAt < this.#triedAt)
      assert.equal(recovered, true, `${action.id} was sent while it was away`);
    if (recovered) this.#tally.count('replayed');
    this.seen++;
    this.#at = { epoch: at.epoch, offset: letter?.offset ?? 0 };
  }

  gap({ from, to, reason, stream }: Gap): void {
    this.#tally.count(`${reason} gaps`);
    const anew = this.#anew;
    this.#anew = undefined;
    const at = this.#told();
    assert.equal(stream, INBOX);
    assert.equal(from.epoch, at.epoch, 'the gap begins in another epoch');
    assert.ok(from.offset >= at.offset, 'the gap covers what was seen');
    this.#nothingUpTo(from.offset);
    if (anew !== undefined || reason === 'session') {
      assert.deepEqual({ reason, to }, { reason: 'session', to: anew?.to });
      this.#clientId = anew?.clientId ?? '';
    } else {
      if (reason === 'epoch') assert.ok(this.#inboxes.isLater(to.epoch, from.epoch), 'not a later epoch');
      else assert.ok(to.epoch === from.epoch && to.offset > from.offset, 'the gap is empty or goes back');
      assert.ok(to.offset < this.#inboxes.oldest(this.#userId, to.epoch), 'the gap covers what is there');
    }
    this.#at = to;
  }

  /** That nothing is still to come. */
  atHead(): void {
    const at = this.#told();
    const head = this.#inboxes.head(this.#userId) ?? assert.fail('there is no inbox');
    assert.equal(at.epoch, head.epoch, `${this.#clientId} is left in an epoch that has ended`);
    this.#nothingUpTo(head.offset);
  }

  #told(): Position {
    assert.ok(!this.#closed, 'told something after it was closed');
    assert.equal(this.#anew, undefined, `${this.#clientId} has another session and was told of no gap`);
    return this.#at ?? assert.fail('told something before it was connected');
  }

  #nothingUpTo(offset: number): void {
    const at = this.#at as Position;
    const missed = this.#inboxes.next(at, this.#clientId, offset);
    assert.equal(missed, undefined, `${this.#clientId} at ${show(at)} missed this without being told`);
  }
}

function positionIn(at: StreamState | Position | undefined): Position {
  if (at?.epoch === undefined) assert.fail('no position');
  return { epoch: at.epoch, offset: at.offset };
}

function show({ epoch, offset }: Position): string {
  return `${epoch}/${offset}`;
}
