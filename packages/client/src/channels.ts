import {
  fitting,
  frameLimits,
  fromWire,
  type GapFrame,
  isChannel,
  isFilter,
  LevelTrie,
  type Position,
  type PublicationFrame,
  type Published,
  ReplyError,
  type Streams,
  type UnsubscribedFrame,
} from '@callboard/protocol';
import type { Logger, Timers } from '@callboard/runtime';
import type { Observable } from 'rxjs';
import type { Channel, Gap, Publication, SendOptions } from './api.ts';
import { ClientChannel } from './channel.ts';
import type { PublishBody } from './plugin.ts';
import type { RequestBody } from './requests.ts';
import { Subscribers } from './subscribers.ts';

type Read = (result: unknown) => unknown;

export interface ChannelsHost {
  readonly timers: Timers;
  readonly logger: Logger;
  readonly gaps$: Observable<Gap>;
  /** What the library asks for by itself. */
  request(body: RequestBody, read?: Read): Promise<unknown>;
  /** What the application asks for. */
  read(body: RequestBody, options: SendOptions, read: Read): Promise<unknown>;
  publish(body: PublishBody, options: SendOptions): Promise<Published>;
  /** Sends it on its way through the plugins' operators, to `deliver`. */
  push(publication: Publication): void;
}

/** All channels of a client: has the server send those that somebody subscribed to, and hands on what comes. */
export class Channels {
  readonly host: ChannelsHost;
  readonly subscribers: Subscribers;
  /** `over`: closed by the application, for good. */
  state: 'offline' | 'online' | 'over' = 'offline';
  /** Those that were ever asked for: application code may hold on to any. */
  readonly #byName = new Map<string, ClientChannel>();
  readonly #byFilter = new Map<string, ClientChannel>();
  /** The filters that somebody subscribed to. */
  readonly #filters = new LevelTrie<ClientChannel>();
  readonly #extensions = new Map<string, (channel: Channel) => unknown>();

  constructor(host: ChannelsHost) {
    this.host = host;
    this.subscribers = new Subscribers(host.logger, (name) => this.#changed(name));
  }

  get(name: string): ClientChannel {
    const kin = isFilter(name) ? this.#byFilter : this.#byName;
    const known = kin.get(name);
    if (known !== undefined) return known;
    const channel = new ClientChannel(name, this);
    kin.set(name, channel);
    for (const [key, extend] of this.#extensions) addLazily(channel, key, extend);
    return channel;
  }

  /** Each channel has this under `key`. @throws Error where channels have something of that name. */
  extend(key: string, extension: (channel: Channel) => unknown): void {
    if (key in new ClientChannel('', this)) throw new Error(`a channel has something named ${key} already`);
    this.#extensions.set(key, extension);
    for (const channel of this.#each()) addLazily(channel, key, extension);
  }

  /** For `connect`, as many as fit: of the others the server knows where they began. */
  addPositions(positions: Record<string, Position>, maxBytes: number): void {
    let bytes = 0;
    let count = Object.keys(positions).length;
    for (const [name, { subscription }] of this.#byName) {
      if (subscription.position === undefined) continue;
      bytes += 3 * name.length + 100;
      if (bytes >= maxBytes || ++count > frameLimits.maxPositions) return;
      positions[name] = subscription.position;
    }
  }

  begin(streams: Streams, resumed: boolean): void {
    this.state = 'online';
    for (const { name, subscription } of this.#each())
      subscription.begin(Object.hasOwn(streams, name) ? streams[name] : undefined, resumed);
  }

  rest(): void {
    if (this.state === 'online') this.state = 'offline';
  }

  end(): void {
    this.state = 'over';
    for (const channel of this.#each()) channel.end();
  }

  published({ op: _, epoch, offset, data, retained, ...rest }: PublicationFrame): void {
    const { channel } = rest;
    const position = { epoch, offset };
    if (!retained && this.#byName.get(channel)?.subscription.moveTo(position) === false) return;
    if (this.hearing(channel).length === 0) return;
    this.host.push({ ...rest, position, data: fromWire(data), retained: retained === true });
  }

  /** To each who hears it, once. */
  deliver(publication: Publication): void {
    const { channel, position, retained } = publication;
    const exact = this.#byName.get(channel)?.subscription;
    const cameAside = !retained && exact?.cameAside(position);
    // It came for a filter, or again after a lost link.
    const isKnown = exact?.isIn === true && !exact.isNews(position, retained);
    for (const { name } of this.hearing(channel))
      if (name === channel ? !isKnown : !cameAside) this.subscribers.tell(name, publication);
  }

  /** Whether it is news; what is no channel of ours always is. */
  gap({ stream, to }: GapFrame): boolean {
    const exact = this.#byName.get(stream)?.subscription;
    return exact === undefined || (exact.skipTo(to) && this.hearing(stream).length > 0);
  }

  unsubscribed({ channels, code, message, retryable }: UnsubscribedFrame): void {
    for (const name of channels) {
      const channel = this.#byName.get(name) ?? this.#byFilter.get(name);
      channel?.subscription.unsubscribed(new ReplyError(code, { message, retryable }));
    }
  }

  /** The channel of this name and the filters that fit it, of those that the server sends. */
  hearing(channel: string): ClientChannel[] {
    const exact = this.#byName.get(channel);
    // A server gone wrong may name a filter where there is to be a channel.
    const filters =
      this.#filters.isEmpty || !isChannel(channel) ? [] : fitting(this.#filters, channel.split('/'));
    return (exact ? [exact, ...filters] : filters).filter(({ subscription }) => subscription.isIn);
  }

  /** Channels first: what they recover comes before anything that filters would be sent of them. */
  #each(): ClientChannel[] {
    return [...this.#byName.values(), ...this.#byFilter.values()];
  }

  #changed(name: string): void {
    const filter = this.#byFilter.get(name);
    if (filter !== undefined) {
      if (this.subscribers.has(name)) this.#filters.set(name.split('/'), filter);
      else this.#filters.delete(name.split('/'));
    }
    (filter ?? this.#byName.get(name))?.changed();
  }
}

/** Made when somebody looks, and then kept. */
function addLazily(channel: Channel, key: string, make: (channel: Channel) => unknown): void {
  let made: { readonly value: unknown } | undefined;
  const get = () => {
    made ??= { value: make(channel) };
    return made.value;
  };
  Object.defineProperty(channel, key, { get, enumerable: true });
}
