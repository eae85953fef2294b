import assert from 'node:assert/strict';
import type { Position, ServerFrame } from '@callboard/protocol';
import type { MemoryClient } from '@callboard/testkit';
import type { Draft } from '../../src/streams/log.ts';
import type { MemoryStreamLog } from '../../src/streams/memory-log.ts';
import { isFor } from '../../src/streams/recovery.ts';

/** Everything that was ever appended, by epoch: what clients are told is held against it. */
export class Ledger {
  readonly #epochs = new Map<string, Draft[]>();

  /** Records what is appended to `log` from now on. */
  watch(log: MemoryStreamLog): void {
    const append = log.append.bind(log);
    log.append = (stream, draft) => {
      // While it is appended it may be read already.
      const before = log.position(stream);
      if (before === undefined) return append(stream, draft);
      const entries = this.#epochs.get(before.epoch) ?? [];
      this.#epochs.set(before.epoch, entries);
      entries[before.offset] = draft;
      const appended = append(stream, draft);
      if (appended?.outcome !== 'published') entries.length = before.offset;
      return appended;
    };
  }

  /** Entry `offset` of an epoch. */
  entry({ epoch, offset }: Position): Draft {
    const draft = this.#epochs.get(epoch)?.[offset - 1];
    assert.ok(draft, `there is no entry ${offset} in ${epoch}`);
    return draft;
  }

  /** The epoch in which something with this id was appended. */
  epochOf(id: number): string {
    for (const [epoch, entries] of this.#epochs)
      if (entries.some(({ body }) => idIn(body) === String(id))) return epoch;
    assert.fail(`nobody appended ${id}`);
  }

  head(epoch: string): number {
    return this.#epochs.get(epoch)?.length ?? 0;
  }

  /** That no entry after `from`, up to `to`, is for this client. */
  nothingBetween(from: Position, to: number, clientId: string): void {
    for (let offset = from.offset + 1; offset <= to; offset++) {
      const draft = this.entry({ ...from, offset });
      assert.ok(
        !isFor({ ...draft, offset }, { clientId }),
        `${clientId} was never given entry ${offset} of ${from.epoch}: ${draft.body}`,
      );
    }
  }

  /** That no action was appended to a stream twice. */
  nothingTwice(): void {
    for (const [epoch, entries] of this.#epochs) {
      const ids = entries.map(({ body }) => idIn(body));
      assert.equal(new Set(ids).size, ids.length, `something was appended to ${epoch} twice: ${ids}`);
    }
  }

  /** That a client saw all that was meant for it once and in order, or was told of the gap; to the end, if `complete`. */
  holdAgainst(client: MemoryClient, begin: Position | undefined, complete: boolean): void {
    let position = begin;
    let clientId = '';
    let sessionLost = false;
    for (const frame of client.frames) {
      if (frame.op === 'connected') {
        const at = frame.streams.$inbox;
        assert.ok(at?.epoch !== undefined, 'no position');
        sessionLost = !frame.resumed && position !== undefined;
        if (!frame.resumed && position === undefined) position = { epoch: at.epoch, offset: at.offset };
        if (frame.resumed && clientId !== '') assert.equal(frame.clientId, clientId);
        clientId = frame.clientId;
      } else if (position !== undefined) {
        if (sessionLost) {
          assert.deepEqual([frame.op, 'reason' in frame && frame.reason], ['gap', 'session']);
          sessionLost = false;
        }
        position = this.#after(position, frame, clientId);
      }
    }
    if (complete && position !== undefined)
      this.nothingBetween(position, this.head(position.epoch), clientId);
  }

  #after(position: Position, frame: ServerFrame, clientId: string): Position {
    switch (frame.op) {
      case 'message': {
        assert.ok(frame.offset > position.offset, `${clientId} was given entry ${frame.offset} again`);
        this.nothingBetween(position, frame.offset - 1, clientId);
        const draft = this.entry({ ...position, offset: frame.offset });
        assert.ok(isFor({ ...draft, offset: frame.offset }, { clientId }), `it is not for ${clientId}`);
        assert.deepEqual(JSON.parse(`{${draft.body}`).action, frame.action);
        return { ...position, offset: frame.offset };
      }
      case 'gap':
        assert.equal(frame.from.epoch, position.epoch);
        if (frame.reason === 'evicted') this.nothingBetween(position, frame.from.offset, clientId);
        return frame.to;
      case 'reply':
      case 'ping':
        if (frame.offset === undefined) return position;
        this.nothingBetween(position, frame.offset, clientId);
        return { ...position, offset: Math.max(position.offset, frame.offset) };
      default:
        return position;
    }
  }
}

function idIn(body: string): string | undefined {
  return /"id":(\d+)/.exec(body)?.[1];
}
