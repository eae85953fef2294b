import assert from 'node:assert/strict';
import type { Appended, Draft } from '@callboard/core';
import type { Meta, Position, Sender } from '@callboard/protocol';
import type { Awaitable } from '@callboard/runtime';
import { FaultyLog, isFor, type Noted } from '../log.ts';

export type Fate = 'passes' | 'waits' | 'waits too long' | 'is forbidden';
type Outcome = Appended['outcome'];

export interface Data {
  readonly id: string;
  readonly text: string;
  /** What the application says of it. */
  readonly fate?: Fate;
}

/** What is in a channel, as readers are to see it. */
interface Made {
  readonly data: Data;
  readonly from?: Sender;
  readonly meta?: Meta;
  readonly version?: number;
}

/** A publication that the server took, and which one of its channel it is, over all epochs. */
export type Printed = Noted<Made> & {
  readonly place: number;
  readonly atMs: number;
  /** By a server that had stopped when it took effect: the next one may not have been following yet. */
  readonly isStray: boolean;
};

/** What an epoch of a channel has seen. */
interface Seen {
  version: number;
  readonly keys: Map<string, number>;
}

/** So long a key is remembered for sure. */
const KEY_MS = 300_000;

/** The truth about channels. */
export class PublicationLog extends FaultyLog<Made> {
  nowMs: () => number = () => 0;
  /** Which life of the server this is. */
  life: () => number = () => 0;
  readonly #byChannel = new Map<string, Printed[]>();
  readonly #byId = new Map<string, Printed[]>();
  readonly #outcomes = new Map<string, Outcome[]>();
  readonly #seen = new Map<string, Seen>();
  /** In which life of the server a publication was to be appended last. */
  readonly #lives = new Map<string, number>();

  /** How often something is in a channel. */
  times(id: string): number {
    return this.#byId.get(id)?.length ?? 0;
  }

  /** What became of it, as often as it reached the log. */
  outcomes(id: string): readonly Outcome[] {
    return this.#outcomes.get(id) ?? [];
  }

  /** The publication with this id. */
  find(id: string): Printed {
    return this.#byId.get(id)?.[0] ?? assert.fail(`nobody published ${id}`);
  }

  all(channel: string): readonly Printed[] {
    return this.#byChannel.get(channel) ?? [];
  }

  /** How many publications are before this position or at it, over all epochs. */
  placeOf(channel: string, { epoch, offset }: Position): number {
    let place = 0;
    for (const each of this.all(channel)) {
      if (each.epoch === epoch ? each.offset <= offset : !this.isLater(each.epoch, epoch)) place = each.place;
    }
    return place;
  }

  /** The first for this client after one place, up to another, that a filter must let through. */
  between(
    channel: string,
    after: number,
    clientId: string,
    upTo = Number.POSITIVE_INFINITY,
  ): Printed | undefined {
    const all = this.all(channel);
    for (let place = after; place < Math.min(all.length, upTo); place++) {
      const each = all[place] as Printed;
      if (isFor(each, clientId) && !each.isStray) return each;
    }
    return undefined;
  }

  override append(stream: string, draft: Draft): Awaitable<Appended | undefined> {
    const { data }: Made = JSON.parse(`{${draft.body}`);
    this.#lives.set(data.id, this.life());
    return super.append(stream, draft);
  }

  protected override noted(entry: Noted<Made>): void {
    const all = this.#byChannel.get(entry.stream) ?? [];
    this.#byChannel.set(entry.stream, all);
    const isStray = this.#lives.get(entry.data.id) !== this.life();
    const printed = { ...entry, place: all.length + 1, atMs: this.nowMs(), isStray };
    all.push(printed);
    this.#byId.set(entry.data.id, [...(this.#byId.get(entry.data.id) ?? []), printed]);
  }

  /** Versions and keys are as PROTOCOL.md has them, and whoever publishes is told so. */
  protected override appended(_: string, draft: Draft, appended: Appended | undefined): void {
    if (appended === undefined) return;
    const { data, from }: Made = JSON.parse(`{${draft.body}`);
    const { outcome, epoch } = appended;
    this.#outcomes.set(data.id, [...this.outcomes(data.id), outcome]);
    const seen = this.#seen.get(epoch) ?? { version: -1, keys: new Map() };
    this.#seen.set(epoch, seen);
    const { version = Number.POSITIVE_INFINITY } = draft;
    // Each user has keys of its own.
    const key = draft.key && `${from?.userId} ${draft.key.split('\n').at(-1)}`;
    const usedMs = this.nowMs() - (seen.keys.get(key ?? '') ?? Number.NEGATIVE_INFINITY);
    const expected = usedMs < KEY_MS ? 'repeated' : version < seen.version ? 'stale' : 'published';
    assert.equal(outcome, expected, `${data.id} with key ${key} and version ${version} of ${seen.version}`);
    if (outcome === 'repeated') return;
    if (key !== undefined) seen.keys.set(key, this.nowMs());
    if (draft.version !== undefined) seen.version = Math.max(seen.version, draft.version);
  }
}
