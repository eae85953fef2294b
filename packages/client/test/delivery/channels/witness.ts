import assert from 'node:assert/strict';
import type { Position, StreamState } from '@callboard/protocol';
import type { Gap, Publication } from '../../../src/api.ts';
import type { Tally } from '../tally.ts';
import type { Data, Printed, PublicationLog } from './publications.ts';

export interface WitnessParts {
  readonly name: string;
  readonly log: PublicationLog;
  readonly tally: Tally;
  readonly nowMs: () => number;
  /** The client's id, as the server gave it last. */
  readonly clientId: () => string;
}

/** Holds what somebody sees who has subscribed to a channel, or to a filter, against what was published. */
export interface Witness {
  /** There is another connection; `at` where the server has the subscription. */
  connected(at: StreamState | undefined): void;
  lost(): void;
  /** The server's word on where the subscription begins; the client is about to read it. */
  begins(at: Position | undefined): void;
  /** `joined()` has resolved, on this connection. */
  joined(): void;
  /** Nothing comes before it begins again; `forGood`: and then not from where it was. */
  ended(forGood: boolean): void;
  publication(publication: Publication): void;
  gap(gap: Gap): void;
  /** That nothing is still to come. */
  atHead(): void;
  /** That this has come by now, the last of its channel: it was published while all was quiet. */
  has(channel: string, id: string): void;
}

/** That it is as it was published. */
export function look(
  { log, nowMs, clientId, tally }: WitnessParts,
  { channel, position, data, from, meta, version, retained, ageMs }: Publication,
): Printed {
  const printed = log.find((data as Data).id);
  assert.deepEqual(
    { channel, position, data, from, meta, version },
    {
      ...{ channel: printed.stream, position: { epoch: printed.epoch, offset: printed.offset } },
      ...{ data: printed.data, from: printed.from, meta: printed.meta, version: printed.version },
    },
  );
  assert.notEqual(printed.exclude, clientId(), `${printed.data.id} is not for who published it`);
  tally.count(retained ? 'retained' : 'delivered');
  if (retained) assert.ok(ageMs !== undefined && ageMs >= 0 && ageMs <= nowMs() - printed.atMs, 'its age');
  else assert.equal(ageMs, undefined);
  return printed;
}

/** Of a channel: each once, in order, from where it begins, or a gap for exactly what is left out. */
export class ChannelWitness implements Witness {
  readonly #parts: WitnessParts;
  /** Where the subscriber stands, by all that was told. */
  #at: Position | undefined;
  /** Where the subscription begins, by the server's word; at this place, or before it where it had begun already. */
  #begin: { readonly position: Position; readonly exact: boolean } | undefined;
  /** The last value that was seen, live or not. */
  #known = 0;
  #ended = false;

  constructor(parts: WitnessParts) {
    this.#parts = parts;
  }

  connected(at: StreamState | undefined): void {
    this.#begin = at?.epoch === undefined ? undefined : { position: positionIn(at), exact: false };
    if (at !== undefined) this.#ended = false;
  }

  lost(): void {}

  begins(at: Position | undefined): void {
    assert.ok(at, 'a channel has a position');
    this.#begin = { position: at, exact: true };
    this.#ended = false;
  }

  joined(): void {
    if (this.#begin?.exact) this.#at ??= this.#begin.position;
  }

  ended(forGood: boolean): void {
    this.#begin = undefined;
    this.#ended = true;
    if (forGood) this.#at = undefined;
  }

  publication(publication: Publication): void {
    const { name, log, tally } = this.#parts;
    assert.ok(!this.#ended, `${name} came without a right`);
    assert.equal(publication.channel, name);
    const printed = look(this.#parts, publication);
    const { epoch, offset, place } = printed;
    if (publication.retained) assert.ok(place >= this.#known, `${printed.data.id} is older than what it had`);
    this.#known = Math.max(place, this.#known);
    if (publication.retained) return;
    this.#next(printed);
    this.#at = { epoch, offset };
    if (log.all(name).at(-1) !== printed) tally.count('delivered late');
  }

  gap({ stream, from, to, reason }: Gap): void {
    const { name, log, clientId, tally } = this.#parts;
    tally.count(`${reason} gaps`);
    assert.ok(!this.#ended, 'a gap without a right');
    assert.equal(stream, name);
    const at = this.#at ?? (this.#begin?.exact ? this.#begin.position : undefined);
    if (at !== undefined) {
      assert.equal(from.epoch, at.epoch, 'the gap begins in another epoch');
      assert.ok(from.offset >= at.offset, 'the gap covers what was seen');
      this.#nothingUpTo(from.offset);
    }
    if (reason === 'epoch' || (reason === 'size' && to.epoch !== from.epoch))
      assert.ok(log.isLater(to.epoch, from.epoch), 'not a later epoch');
    else {
      assert.ok(to.epoch === from.epoch && to.offset > from.offset, 'the gap is empty or goes back');
      // For whom an evicted entry was nobody knows any more.
      const isLost = log.next(from, clientId(), to.offset) !== undefined;
      assert.ok(isLost || reason === 'evicted', 'nothing is lost in the gap');
      if (!isLost) tally.count('gaps that were for others');
    }
    // A subscription of which the client has no word yet may go on with a gap when it comes back.
    if (at !== undefined && (reason === 'evicted' || reason === 'epoch'))
      assert.ok(to.offset < log.oldestOf(name, to.epoch), 'the gap covers what is there');
    this.#at = to;
  }

  atHead(): void {
    const { name, log, clientId } = this.#parts;
    const at = this.#at ?? this.#begin?.position ?? assert.fail(`${name} has no beginning`);
    const head = log.headOf(name) ?? assert.fail(`${name} is not there`);
    // That it has begun anew shows with the first that comes.
    if (head.offset === 0) return;
    assert.equal(at.epoch, head.epoch, `${clientId()} is left in an epoch of ${name} that has ended`);
    this.#nothingUpTo(head.offset);
  }

  /** That it has seen the channel's last value, if that is for it. */
  knowsLast(): void {
    const { name, log, clientId } = this.#parts;
    const last = log.all(name).at(-1);
    if (last === undefined || last.exclude === clientId() || last.epoch !== log.headOf(name)?.epoch) return;
    // What shows that the state was lost may be lost with it.
    if (log.beganLost(last.epoch)) return;
    assert.equal(this.#known, last.place, `${clientId()} does not know the last value of ${name}`);
  }

  has(channel: string, id: string): void {
    const { name, log, clientId } = this.#parts;
    if (channel === name) assert.equal(this.#known, log.find(id).place, `${clientId()} did not get ${id}`);
  }

  #next(printed: Printed): void {
    const { name, log, clientId } = this.#parts;
    const { epoch, offset } = printed;
    const told = `${clientId()} had ${show(this.#at)} of ${name}, then ${epoch}/${offset}`;
    if (this.#at !== undefined || this.#begin?.exact) {
      const at = this.#at ?? (this.#begin?.position as Position);
      assert.equal(log.next(at, clientId())?.data.id, printed.data.id, told);
    } else if (this.#begin !== undefined && epoch === this.#begin.position.epoch)
      assert.equal(log.next(this.#begin.position, clientId(), offset - 1), undefined, told);
  }

  #nothingUpTo(offset: number): void {
    const { name, log, clientId } = this.#parts;
    const at = this.#at ?? this.#begin?.position;
    const missed = at && log.next(at, clientId(), offset);
    assert.equal(missed, undefined, `${clientId()} at ${show(at)} of ${name} missed this without being told`);
  }
}

function positionIn(at: StreamState): Position {
  if (at.epoch === undefined) assert.fail('no position');
  return { epoch: at.epoch, offset: at.offset };
}

function show(at: Position | undefined): string {
  return at === undefined ? 'nothing' : `${at.epoch}/${at.offset}`;
}
