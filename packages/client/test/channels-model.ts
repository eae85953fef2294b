import assert from 'node:assert/strict';
import type { ClientFrame, Position, RequestFrame, ServerFrame } from '@callboard/protocol';
import { ChannelListener, isLater } from './channel-listener.ts';
import { ScriptedClient } from './scripted-client.ts';
import { connected, streamAt } from './scripted-transport.ts';

export const names = ['a/b', 'a/c', 'a/+', '#'];
const channels = ['a/b', 'a/c'];
export const fits = (name: string, channel: string) => name === channel || name === 'a/+' || name === '#';

export const deeds = [
  ...(['want', 'leave', 'publish', 'take', 'deliver', 'refuse', 'revoke'] as const),
  ...(['resume', 'forget', 'restart', 'evict', 'wait'] as const),
];
export interface Command {
  readonly deed: (typeof deeds)[number];
  readonly pick: number;
}

/** Where each channel was. */
type Heads = ReadonlyMap<string, string>;

/** What a channel has kept: offsets from `first` to `head`. */
interface Log {
  epoch: number;
  first: number;
  head: number;
}

/**
 * A server of a few lines, as PROTOCOL.md has it, and a real client. What either sends waits until it is taken or
 * delivered, or is lost with the connection.
 */
export class ChannelsModel {
  readonly stage = new ScriptedClient();
  readonly listeners = new Map(names.map((name) => [name, new ChannelListener(name)]));
  readonly #tally: Record<string, number>;
  readonly #logs = new Map<string, Log>(channels.map((name) => [name, { epoch: 1, first: 1, head: 0 }]));
  /** The session's subscriptions, and where each began. */
  #subscriptions = new Map<string, Position | undefined>();
  #outcomes = new Map<number, ServerFrame>();
  #requests: RequestFrame[] = [];
  #frames: ServerFrame[] = [];
  #session = 1;
  #highestMid = 0;
  /** Subscriptions of which the client has read that they began, and where channels were then: it must hand on all later ones. */
  #begun = new Map<string, Heads>();
  /** By mid. */
  readonly #heads = new Map<number, Heads>();
  /** By mid, of this connection: which subscription it begins, and whether at a position. */
  #beginning = new Map<number, { readonly name: string; readonly recovers: boolean }>();

  constructor(tally: Record<string, number>) {
    this.#tally = tally;
  }

  async begin(): Promise<void> {
    await this.stage.opened();
    this.stage.receive(connected());
    await this.#settle();
  }

  async run({ deed, pick }: Command): Promise<void> {
    const name = names[pick % names.length] as string;
    const channel = channels[pick % channels.length] as string;
    const listener = this.listeners.get(name) as ChannelListener;
    if (deed === 'want') listener.listen(this.stage.client.channel(name));
    else if (deed === 'leave') this.#leave(listener);
    else if (deed === 'publish') this.#publish(channel);
    else if (deed === 'take') this.#take();
    else if (deed === 'deliver') this.#deliver();
    else if (deed === 'refuse') this.#refuse(pick % 4 > 0);
    else if (deed === 'revoke') this.#revoke(name, pick % 3 > 0);
    else if (deed === 'evict') this.#evict(channel);
    else if (deed === 'wait') await this.#wait(pick);
    else await this.#relink(deed);
    await this.#settle();
  }

  /** All that waits is taken and delivered; then whoever wants a channel, and was not refused, hears it. */
  async end(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) {
      while (this.#requests.length > 0) this.#take();
      while (this.#frames.length > 0) this.#deliver();
      await this.#wait(1);
      await this.#settle();
    }
    for (const channel of channels) this.#publish(channel);
    while (this.#frames.length > 0) this.#deliver();
    for (const listener of this.listeners.values()) {
      const isIn = await this.stage.client
        .channel(listener.name)
        .joined()
        .then(
          () => true,
          () => false,
        );
      assert.equal(isIn && listener.isListening, this.#subscriptions.has(listener.name), 'at the server');
      if (!isIn) this.#count('refused');
      if (!isIn || !listener.isListening) continue;
      for (const channel of channels.filter((each) => fits(listener.name, each)))
        assert.equal(
          listener.last(channel),
          this.#at(channel),
          `${listener.name} has the last one of ${channel}`,
        );
      this.#count('at the end');
    }
    await this.stage.client.close();
  }

  #leave(listener: ChannelListener): void {
    listener.leave();
    this.#begun.delete(listener.name);
    // Who comes next is not to have what was missed before.
    for (const [mid, { name, recovers }] of this.#beginning)
      if (recovers && name === listener.name) this.#beginning.delete(mid);
  }

  #publish(channel: string): void {
    const log = this.#logs.get(channel) as Log;
    log.head++;
    if ([...this.#subscriptions.keys()].some((name) => fits(name, channel))) this.#send(channel, log.head);
  }

  #send(channel: string, offset: number): void {
    const { epoch } = this.#logs.get(channel) as Log;
    this.#frames.push({ op: 'publication', channel, epoch: `e${epoch}`, offset, data: `${epoch}/${offset}` });
  }

  #at(channel: string): string {
    const { epoch, head } = this.#logs.get(channel) as Log;
    return `${epoch}/${head}`;
  }

  /** The server takes the next request. */
  #take(): void {
    const request = this.#requests.shift();
    if (request === undefined) return;
    const { mid } = request;
    const outcome = this.#outcomes.get(mid);
    if (outcome !== undefined) {
      this.#count('answered again');
      this.#frames.push(outcome);
      return;
    }
    const [name] = ('channels' in request && request.channels) || [];
    const isSubscribe = request.op === 'subscribe' && name !== undefined;
    const wasThere = name !== undefined && this.#subscriptions.has(name);
    const log = this.#logs.get(name ?? '');
    const head = log && { epoch: `e${log.epoch}`, offset: log.head };
    const result = isSubscribe
      ? { streams: { [name]: head ? { ...head, recovered: false } : streamAt(name) } }
      : undefined;
    const reply: ServerFrame = { op: 'reply', mid, result };
    this.#outcomes.set(mid, reply);
    this.#frames.push(reply);
    if (name === undefined) return;
    this.#heads.set(mid, new Map(channels.map((each) => [each, this.#at(each)])));
    if (!isSubscribe) this.#subscriptions.delete(name);
    else if (!wasThere) {
      const position = request.positions?.[name];
      this.#subscriptions.set(name, position ?? head);
      if (position !== undefined) this.#recover(name, position);
    }
  }

  #recover(channel: string, from: Position): void {
    const log = this.#logs.get(channel) as Log;
    const isSame = from.epoch === `e${log.epoch}`;
    const to = { epoch: `e${log.epoch}`, offset: log.first - 1 };
    if (!isSame || from.offset < to.offset) {
      this.#count(isSame ? 'evicted' : 'another epoch');
      this.#frames.push({ op: 'gap', stream: channel, from, to, reason: isSame ? 'evicted' : 'epoch' });
    } else to.offset = from.offset;
    for (let offset = to.offset + 1; offset <= log.head; offset++) this.#send(channel, offset);
  }

  #refuse(retryable: boolean): void {
    const request = this.#requests.shift();
    if (request === undefined) return;
    const isOurs = 'channels' in request && request.op === 'subscribe' && !this.#outcomes.has(request.mid);
    if (!isOurs) return void this.#requests.unshift(request);
    const code = retryable ? 'CHECK_TIMEOUT' : 'FORBIDDEN';
    this.#frames.push({ op: 'error', mid: request.mid, code, message: code, retryable });
    this.#count(code);
  }

  #revoke(name: string, retryable: boolean): void {
    if (!this.#subscriptions.delete(name)) return;
    const code = retryable ? 'UNAVAILABLE' : 'FORBIDDEN';
    this.#frames.push({ op: 'unsubscribed', channels: [name], code, message: code, retryable });
    this.#count('revoked');
  }

  #deliver(): void {
    const frame = this.#frames.shift();
    if (frame === undefined) return;
    this.stage.receive(frame);
    if (frame.op === 'unsubscribed') for (const name of frame.channels) this.#begun.delete(name);
    const name = frame.op === 'reply' ? this.#beginning.get(frame.mid)?.name : undefined;
    const heads = frame.op === 'reply' && this.#heads.get(frame.mid);
    if (name !== undefined && heads && this.listeners.get(name)?.isListening) this.#begun.set(name, heads);
    if (frame.op !== 'publication') return;
    for (const listener of this.listeners.values()) {
      listener.check();
      const head = this.#begun.get(listener.name)?.get(frame.channel);
      if (head === undefined || !fits(listener.name, frame.channel)) continue;
      if (!isLater(String(frame.data), head)) continue;
      listener.assertHad(frame.channel, String(frame.data));
      this.#count('heard');
    }
  }

  #evict(channel: string): void {
    const log = this.#logs.get(channel) as Log;
    log.first = Math.min(log.first + 1 + (log.head % 4), log.head + 1);
  }

  async #wait(pick: number): Promise<void> {
    const isLong = pick === 0;
    for (let second = 0; second < (isLong ? 36 : 1); second++) {
      await this.stage.clock.advanceAsync(1_000);
      this.stage.receive({ op: 'ping' });
    }
    await this.#settle();
    // Requests have timed out: their answers are not waited for.
    if (isLong) this.#beginning = new Map();
  }

  async #relink(how: 'resume' | 'forget' | 'restart'): Promise<void> {
    this.#count(how);
    if (how !== 'resume') {
      this.#subscriptions = new Map();
      this.#outcomes = new Map();
    }
    if (how === 'restart')
      for (const log of this.#logs.values()) Object.assign(log, { epoch: log.epoch + 1, first: 1, head: 0 });
    this.#requests = [];
    this.#frames = [];
    this.#beginning = new Map();
    this.#begun = new Map([...this.#begun].filter(([name]) => this.#subscriptions.has(name)));
    this.stage.server.cut();
    void this.stage.client.connect();
    await this.stage.opened();
    const { resume } = this.stage.server.frames[0] as ClientFrame & { op: 'connect' };
    const streams = Object.fromEntries(
      [...this.#subscriptions.keys()].map((name) => {
        const log = this.#logs.get(name);
        return [name, log ? streamAt(name, log.head, `e${log.epoch}`) : streamAt(name)];
      }),
    );
    const { $inbox } = connected().streams;
    const session = `secret-${++this.#session}`;
    this.stage.receive(
      connected({ resumed: how === 'resume', session, streams: { ...streams, $inbox } as never }),
    );
    for (const [name, base] of this.#subscriptions) {
      const from = resume?.positions[name] ?? base;
      if (from !== undefined) this.#recover(name, from);
    }
  }

  async #settle(): Promise<void> {
    await this.stage.clock.settle();
    for (const frame of this.stage.server.take()) {
      if (!('mid' in frame)) continue;
      this.#requests.push(frame);
      const isOld = frame.mid <= this.#highestMid;
      this.#highestMid = Math.max(this.#highestMid, frame.mid);
      if (frame.op !== 'subscribe' || isOld) continue;
      const recovers = frame.positions !== undefined;
      for (const name of frame.channels ?? []) this.#beginning.set(frame.mid, { name, recovers });
    }
  }

  #count(what: string): void {
    this.#tally[what] = (this.#tally[what] ?? 0) + 1;
  }
}
