import {
  type AnyAction,
  type Disconnect,
  isAction,
  isChannel,
  isFilter,
  type NativeEvent,
  type PublishFrame,
  ReplyError,
  type RequestFrame,
} from '@callboard/protocol';
import { type Awaitable, isPromise } from '@callboard/runtime';
import type { Publication } from '../channels/channel.ts';
import type { SubscriptionReader } from '../channels/subscriptions.ts';
import type { ServerClient } from '../client.ts';
import type { Node } from '../node.ts';
import type { Outcome } from '../streams/log.ts';
import { assertMayCall, ForeignCall } from './call.ts';
import type { ForeignLink } from './link.ts';
import type { CallAnswer, GatewayDraft, GatewayReader, GatewaySession } from './port.ts';
import { changed, mayPublish, publishPayload, shown } from './publish.ts';

/** What a gateway may do in the name of one of its clients. */
export class Session implements GatewaySession {
  readonly client: ServerClient;
  readonly #node: Node;
  #subscribed = 0;
  /** Calls that are not answered. */
  #calls = 0;
  /** Made with the first. */
  #followers: Set<Follower> | undefined;

  constructor(client: ServerClient, node: Node) {
    this.client = client;
    this.#node = node;
  }

  get resumeMs(): number {
    return this.client.resumeMs;
  }

  set resumeMs(ms: number) {
    this.client.resumeMs = ms;
  }

  async subscribe(filter: string, reader: GatewayReader): Promise<void> {
    const { client } = this;
    const { subscriptions, requests, clients, limits } = this.#node;
    return this.#inOrder(async () => {
      if (!isChannel(filter) && !isFilter(filter)) throw new ReplyError('INVALID_REQUEST');
      if (client.filters?.has(filter) !== true && (client.filters?.size ?? 0) >= limits.maxChannels)
        throw new ReplyError('TOO_MANY_CHANNELS');
      const frame = this.#node.inbound.pass(client, { op: 'subscribe', mid: 0, channels: [filter] });
      // Another filter the gateway does not know of.
      if (frame.channels?.length !== 1 || frame.channels[0] !== filter) throw new ReplyError('REFUSED');
      await this.#checked(frame);
      const asked = Promise.resolve(subscriptions.rights.toFilter(client, filter));
      const right = await requests.deadline(asked, 'CHECK_TIMEOUT');
      if (right === undefined) throw new ReplyError('FORBIDDEN');
      if (!clients.byId.has(client.id)) return;
      const subscription = new ForeignSubscription(client.id, reader, this.#node);
      subscriptions.letFilter(client, filter, { mid: ++this.#subscribed, right, reader: subscription });
    });
  }

  async unsubscribe(filter: string): Promise<boolean> {
    const { client } = this;
    return this.#inOrder(async () => {
      const had = client.filters?.has(filter) === true;
      this.#node.subscriptions.unsubscribe(client, [filter]);
      return had;
    });
  }

  lastValues(filters: readonly string[]): void {
    (this.client.connection as ForeignLink | undefined)?.sendLastValues(filters);
  }

  publish(draft: GatewayDraft): Outcome | Promise<Outcome> {
    if (this.#node.requests.draining) throw this.#failure(new ReplyError('UNAVAILABLE'));
    return this.#inOrder(() => this.#publish(draft));
  }

  #publish(draft: GatewayDraft): Awaitable<Outcome> {
    const { inbound, requests } = this.#node;
    if (!inbound.watched && !requests.checking) return this.#append(draft);
    const { watched, frame } = this.#passed(draft);
    const checked = this.#checked(frame);
    return isPromise(checked) ? checked.then(() => this.#append(watched)) : this.#append(watched);
  }

  #append(draft: GatewayDraft): Awaitable<Outcome> {
    const { client } = this;
    client.user.activeClient = client;
    return publishPayload(this.#node, client, draft);
  }

  /** What plugins' operators make of a publication, and what their checks are shown of it. */
  #passed(draft: GatewayDraft): { readonly watched: GatewayDraft; readonly frame: PublishFrame } {
    const { channel, meta } = draft;
    const data = shown(this.#node, draft);
    const asked = { op: 'publish', mid: 0, channel, data, ...(meta !== undefined && { meta }) } as const;
    const frame: PublishFrame = this.#node.inbound.pass(this.client, asked);
    return { watched: frame === asked ? draft : changed(this.#node, draft, asked, frame), frame };
  }

  async mayPublish(draft: GatewayDraft): Promise<boolean> {
    return this.#inOrder(() => mayPublish(this.#node, this.client, draft));
  }

  async call(action: AnyAction, answered: (answer: CallAnswer) => void): Promise<void> {
    const { client } = this;
    const { requests } = this.#node;
    const before = this.#calls++;
    requests.entered();
    const call = new ForeignCall(this.#node, client, action, (answer) => {
      this.#calls--;
      answered(answer);
      requests.left();
    });
    try {
      if (!isAction(action)) throw new ReplyError('INVALID_REQUEST');
      assertMayCall(this.#node, before);
      call.frame = this.#node.inbound.pass(client, call.frame);
      call.action = call.frame.action;
    } catch (error) {
      return call.fail(error as ReplyError);
    }
    await this.#inOrder(() => requests.perform(call));
  }

  follow(type: string | undefined, listener: (event: NativeEvent | AnyAction) => void): () => void {
    if (type !== undefined && !this.#node.events.has(type)) throw new ReplyError('UNKNOWN_EVENT');
    const follower = { type, listener };
    this.#followers ??= new Set();
    this.#followers.add(follower);
    return () => void this.#followers?.delete(follower);
  }

  /** A native event that this client may see. */
  told(event: NativeEvent | AnyAction): void {
    for (const { type, listener } of this.#followers ?? [])
      if (type === undefined || type === event.type) listener(event);
  }

  hasReaders(channel: string): boolean {
    return this.#node.channels.hasReaders(channel);
  }

  end(disconnect: Disconnect): void {
    this.client.close(disconnect);
  }

  /** What plugins check they check of everybody. */
  #checked(frame: Extract<RequestFrame, { op: 'publish' | 'subscribe' }>) {
    return this.#node.requests.check({ client: this.client, frame });
  }

  /** After what it has asked for before. @throws ReplyError, at once where it is done at once */
  #inOrder<Result>(work: () => Awaitable<Result>): Result | Promise<Result> {
    this.#node.requests.entered();
    return this.client.lane.take(() => this.#counted(work), choreOf);
  }

  /** What fails is counted, as any request is. */
  #counted<Result>(work: () => Awaitable<Result>): Result | Promise<Result> {
    let done: Awaitable<Result> | undefined;
    try {
      done = work();
      return isPromise(done) ? this.#counting(done) : done;
    } catch (error) {
      throw this.#failure(error);
    } finally {
      if (!isPromise(done)) this.#node.requests.left();
    }
  }

  async #counting<Result>(done: PromiseLike<Result>): Promise<Result> {
    try {
      return await done;
    } catch (error) {
      throw this.#failure(error);
    } finally {
      this.#node.requests.left();
    }
  }

  #failure(error: unknown): ReplyError {
    const { counters, requests } = this.#node;
    const known = requests.known(this.client, error);
    counters.failed++;
    counters.count(counters.errors, known.code);
    return known;
  }
}

const choreOf = (run: () => Promise<void>) => ({ run });

interface Follower {
  /** Undefined: all. */
  readonly type: string | undefined;
  readonly listener: (event: NativeEvent | AnyAction) => void;
}

/** One subscription of a session: what stands among the readers of filters. */
class ForeignSubscription implements SubscriptionReader {
  readonly link = this;
  readonly #clientId: string;
  readonly #reader: GatewayReader;
  readonly #node: Node;

  constructor(clientId: string, reader: GatewayReader, node: Node) {
    this.#clientId = clientId;
    this.#reader = reader;
    this.#node = node;
  }

  filtered(publication: Publication): void {
    if (publication.entry.exclude === this.#clientId) return;
    this.#node.counters.delivered++;
    this.#reader.deliver(publication);
  }

  lastValue(publication: Publication, ageMs: number): void {
    this.#reader.deliver(publication, ageMs);
  }

  /** Its protocol has no word for that. */
  gap(): void {}

  ended(): void {
    this.#reader.ended();
  }
}
