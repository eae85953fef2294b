import assert from 'node:assert/strict';
import type { Position, PublicationFrame, RequestFrame, ServerFrame, Subscribed } from '@callboard/protocol';
import type { MemoryClient } from '@callboard/testkit';
import type { Ledger } from './ledger.ts';

/** What one client was told of one channel, held against what the channel really had (PROTOCOL.md, "Channels"). */
export class ChannelAccount {
  readonly #ledger: Ledger;
  readonly #channel: string;
  readonly #requests: ReadonlyMap<number, RequestFrame>;
  readonly #answered = new Set<number>();
  #position: Position | undefined;
  #clientId = '';
  /** Whether this session may be sent the channel. */
  #reads = false;
  delivered = 0;

  constructor(ledger: Ledger, channel: string, requests: ReadonlyMap<number, RequestFrame>) {
    this.#ledger = ledger;
    this.#channel = channel;
    this.#requests = requests;
  }

  /** All that a client was sent; to the head, where it is there to the end. */
  hold(client: MemoryClient, complete: boolean): void {
    for (const frame of client.frames) this.#take(frame);
    const at = this.#position;
    if (complete && this.#reads && at !== undefined)
      this.#ledger.nothingBetween(at, this.#ledger.head(at.epoch), this.#clientId);
  }

  #take(frame: ServerFrame): void {
    switch (frame.op) {
      case 'connected': {
        this.#clientId = frame.clientId;
        const at = frame.streams[this.#channel];
        this.#reads = at !== undefined;
        if (!frame.resumed) {
          this.#position = undefined;
          this.#answered.clear();
        }
        assert.ok(at === undefined || frame.resumed, 'a new session has no channels');
        return;
      }
      case 'reply':
        return this.#answer(frame.mid, frame.result as Subscribed | undefined);
      case 'unsubscribed':
        if (!frame.channels.includes(this.#channel)) return;
        this.#reads = false;
        this.#position = undefined;
        return;
      case 'publication':
        if (frame.channel === this.#channel && this.#reads) this.#publication(frame);
        return;
      case 'gap':
        if (frame.stream !== this.#channel || !this.#reads) return;
        if (this.#position !== undefined && frame.reason !== 'epoch')
          this.#ledger.nothingBetween(this.#position, frame.from.offset, this.#clientId);
        this.#position = frame.to;
    }
  }

  #answer(mid: number, result: Subscribed | undefined): void {
    const request = this.#requests.get(mid);
    if (request?.op !== 'subscribe' && request?.op !== 'unsubscribe') return;
    if (!request.channels?.includes(this.#channel) || this.#answered.has(mid)) return;
    this.#answered.add(mid);
    this.#reads = request.op === 'subscribe';
    if (!this.#reads) this.#position = undefined;
    else if (this.#position === undefined) {
      const given = request.op === 'subscribe' ? request.positions?.[this.#channel] : undefined;
      const at = given ?? result?.streams[this.#channel];
      assert.ok(at?.epoch !== undefined, 'no position');
      this.#position = { epoch: at.epoch, offset: at.offset };
    }
  }

  #publication({ epoch, offset, data, retained }: PublicationFrame): void {
    if (this.#position !== undefined) assert.equal(epoch, this.#position.epoch, 'its epoch');
    const draft = this.#ledger.entry({ epoch, offset });
    assert.deepEqual(JSON.parse(`{${draft.body}`).data, data);
    assert.notEqual(draft.exclude, this.#clientId, 'it has excluded itself');
    if (retained === true) return;
    this.delivered++;
    if (this.#position !== undefined) {
      assert.ok(offset > this.#position.offset, `${this.#clientId} was given ${offset} again`);
      this.#ledger.nothingBetween(this.#position, offset - 1, this.#clientId);
    }
    this.#position = { epoch, offset };
  }
}
