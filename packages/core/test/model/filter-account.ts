import assert from 'node:assert/strict';
import type { Position, PublicationFrame, RequestFrame, ServerFrame } from '@callboard/protocol';
import type { MemoryClient } from '@callboard/testkit';
import type { Ledger } from './ledger.ts';

/**
 * What one client was told, through a filter alone, of one channel, held against what the channel really had: over one
 * connection nothing is left out without a gap, and nothing comes twice (PROTOCOL.md, "Filters").
 */
export class FilterAccount {
  readonly #ledger: Ledger;
  readonly #filter: string;
  readonly #channel: string;
  readonly #requests: ReadonlyMap<number, RequestFrame>;
  #clientId = '';
  /** Whether the client has subscribed to the filter, and whether to the channel itself. */
  #filters = false;
  #reads = false;
  /** The last that came by the filter, over this connection. */
  #last: Position | undefined;
  delivered = 0;

  constructor(ledger: Ledger, filter: string, channel: string, requests: ReadonlyMap<number, RequestFrame>) {
    this.#ledger = ledger;
    this.#filter = filter;
    this.#channel = channel;
    this.#requests = requests;
  }

  hold(client: MemoryClient): void {
    for (const frame of client.frames) this.#take(frame);
  }

  #take(frame: ServerFrame): void {
    switch (frame.op) {
      case 'connected':
        this.#clientId = frame.clientId;
        this.#filters = this.#filter in frame.streams;
        this.#reads = this.#channel in frame.streams;
        this.#last = undefined;
        if (this.#filters) assert.deepEqual(frame.streams[this.#filter], { recovered: false });
        return;
      case 'unsubscribed':
        return this.#about(frame.channels, false);
      case 'reply': {
        const request = this.#requests.get(frame.mid);
        if (request?.op === 'subscribe' || request?.op === 'unsubscribe')
          this.#about(request.channels ?? [], request.op === 'subscribe');
        return;
      }
      case 'gap':
        if (frame.stream === this.#channel && this.#isFilters) this.#gap(frame.from, frame.to);
        return;
      case 'publication':
        if (frame.channel !== this.#channel || this.#reads) return;
        assert.ok(this.#filters, 'nobody asked for it');
        if (frame.retained !== true) this.#publication(frame);
    }
  }

  get #isFilters(): boolean {
    return this.#filters && !this.#reads;
  }

  #about(names: readonly string[], wants: boolean): void {
    if (names.includes(this.#filter)) this.#filters = wants;
    if (names.includes(this.#channel)) this.#reads = wants;
    if (!this.#isFilters) this.#last = undefined;
  }

  #gap(from: Position, to: Position): void {
    if (this.#last !== undefined) this.#ledger.nothingBetween(this.#last, from.offset, this.#clientId);
    this.#last = to;
  }

  #publication({ epoch, offset, data }: PublicationFrame): void {
    this.delivered++;
    assert.equal(epoch, this.#ledger.epochOf((data as { readonly id: number }).id), 'its epoch');
    if (this.#last !== undefined) {
      // The channel has begun anew meanwhile: all of that came by the filter.
      const last = this.#last.epoch === epoch ? this.#last : { epoch, offset: 0 };
      assert.ok(offset > last.offset, `${this.#clientId} was given ${offset} again`);
      this.#ledger.nothingBetween(last, offset - 1, this.#clientId);
    }
    this.#last = { epoch, offset };
  }
}
