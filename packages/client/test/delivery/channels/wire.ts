import assert from 'node:assert/strict';
import type {
  ClientFrame,
  ConnectedFrame,
  GapFrame,
  Position,
  PublicationFrame,
  ReplyFrame,
  ServerFrame,
  StreamState,
  Subscribed,
  UnsubscribedFrame,
} from '@callboard/protocol';
import type { Data, PublicationLog } from './publications.ts';
import { type ChannelService, fits } from './service.ts';

export interface WireParts {
  readonly userId: string;
  readonly log: PublicationLog;
  readonly service: ChannelService;
  connected(frame: ConnectedFrame): void;
  begins(name: string, at: Position | undefined): void;
  ended(name: string, forGood: boolean): void;
}

type Asked = Extract<ClientFrame, { readonly op: 'subscribe' | 'unsubscribe' }>;

/** What a server sends a client of channels: nothing that was not asked for, and each publication once a connection. */
export class Wire {
  readonly #parts: WireParts;
  /** Requests of this session, by mid. */
  readonly #asked = new Map<number, Asked>();
  readonly #answered = new Set<number>();
  /** Channels and filters of which something may come. */
  #may = new Set<string>();
  /** What has come over this connection. */
  readonly #came = new Map<string, Set<string>>();

  constructor(parts: WireParts) {
    this.#parts = parts;
  }

  may(name: string): boolean {
    return this.#may.has(name);
  }

  sends(frame: ClientFrame): void {
    if (frame.op !== 'subscribe' && frame.op !== 'unsubscribe') return;
    this.#asked.set(frame.mid, frame);
    if (frame.op === 'subscribe') for (const name of frame.channels ?? []) this.#may.add(name);
  }

  sees(frame: ServerFrame): void {
    switch (frame.op) {
      case 'connected':
        return this.#connected(frame);
      case 'reply':
        return this.#replied(frame);
      case 'error': {
        const asked = this.#asked.get(frame.mid);
        const isNews = asked?.op === 'subscribe' && !this.#answered.has(frame.mid);
        if (isNews && frame.code !== 'OUTCOME_UNKNOWN') this.#forget(asked.channels, frame.mid);
        this.#answered.add(frame.mid);
        return;
      }
      case 'unsubscribed':
        return this.#unsubscribed(frame);
      case 'publication':
        return this.#publication(frame);
      case 'gap':
        return this.#gap(frame);
    }
  }

  #connected(frame: ConnectedFrame): void {
    this.#came.clear();
    if (!frame.resumed) {
      this.#asked.clear();
      this.#answered.clear();
    }
    this.#may = new Set(Object.keys(frame.streams));
    for (const [mid, { op, channels = [] }] of this.#asked)
      if (op === 'subscribe' && !this.#answered.has(mid)) for (const name of channels) this.#may.add(name);
    this.#parts.connected(frame);
  }

  #replied({ mid, result }: ReplyFrame): void {
    const asked = this.#asked.get(mid);
    if (asked === undefined || this.#answered.has(mid)) return;
    this.#answered.add(mid);
    if (asked.op === 'unsubscribe') return this.#forget(asked.channels, mid);
    for (const name of asked.channels ?? []) {
      this.#may.add(name);
      const given = asked.positions?.[name];
      const at: StreamState | undefined = (result as Subscribed).streams[name];
      const head = at?.epoch === undefined ? undefined : { epoch: at.epoch, offset: at.offset };
      // What went by filters before may come again, to the channel's own subscribers.
      if (given !== undefined) this.#came.delete(name);
      this.#parts.begins(name, given ?? head);
    }
  }

  #unsubscribed({ channels, retryable }: UnsubscribedFrame): void {
    for (const [mid, asked] of this.#asked) {
      if (!asked.channels?.some((name) => channels.includes(name)) || !this.#answered.delete(mid)) continue;
      this.#asked.delete(mid);
    }
    this.#forget(channels, 0);
    for (const name of channels) this.#parts.ended(name, !retryable);
  }

  #publication({ channel, data, retained }: PublicationFrame): void {
    const { userId, log, service } = this.#parts;
    assert.ok(this.#isAskedFor(channel), `nobody asked for ${channel}`);
    const { id } = data as unknown as Data;
    const since = service.forbiddenSince(userId, channel);
    assert.ok(since === undefined || log.find(id).at < since, `${userId} may not read ${id} of ${channel}`);
    if (retained) return;
    const came = this.#came.get(channel) ?? new Set();
    this.#came.set(channel, came);
    assert.ok(!came.has(id), `${id} of ${channel} came twice`);
    came.add(id);
  }

  #gap({ stream }: GapFrame): void {
    assert.ok(stream.startsWith('$') || this.#isAskedFor(stream), `nobody asked for the gap of ${stream}`);
  }

  #isAskedFor(channel: string): boolean {
    return this.#may.has(channel) || [...this.#may].some((name) => fits(name, channel));
  }

  /** Unless it has been asked for again after this request: old answers come late. */
  #forget(names: readonly string[] = [], mid: number): void {
    const again = [...this.#asked].filter(([each, { op }]) => each > mid && op === 'subscribe');
    for (const name of names)
      if (!again.some(([each, { channels }]) => !this.#answered.has(each) && channels?.includes(name)))
        this.#may.delete(name);
  }
}
