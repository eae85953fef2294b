import type { GapFrame, Position, PublicationFrame, Streams } from '@callboard/protocol';
import type { Logger, Timers } from '@callboard/runtime';
import type { Observable } from 'rxjs';
import type { Gap, PublishOptions } from './api.ts';
import { ClientChannel } from './channel.ts';
import type { RequestBody } from './requests.ts';
import { Subscribers } from './subscribers.ts';

export interface ChannelsHost {
  readonly timers: Timers;
  readonly logger: Logger;
  readonly gaps$: Observable<Gap>;
  request(body: RequestBody): Promise<unknown>;
  publish(body: RequestBody, options: PublishOptions | undefined): Promise<unknown>;
}

/** All channels of a client: has the server send those that somebody subscribed to, and no others. */
export class Channels {
  readonly host: ChannelsHost;
  readonly subscribers: Subscribers;
  /** Where the streams of the latest connection were. */
  streams: Streams = {};
  /** `over`: closed by the application, for good. */
  state: 'offline' | 'online' | 'over' = 'offline';
  /** Those that were ever asked for: application code may hold on to any. */
  readonly #byName = new Map<string, ClientChannel>();

  constructor(host: ChannelsHost) {
    this.host = host;
    this.subscribers = new Subscribers(host.logger, (name) => this.#byName.get(name)?.update());
  }

  get(name: string): ClientChannel {
    const channel = this.#byName.get(name) ?? new ClientChannel(name, this);
    this.#byName.set(name, channel);
    return channel;
  }

  /** For `connect`, as many as fit: of the others the server knows where they began. */
  addPositions(positions: Record<string, Position>, maxBytes: number): void {
    let left = maxBytes;
    for (const [name, { position }] of this.#byName) {
      if (position === undefined) continue;
      left -= 3 * name.length + 100;
      if (left > 0) positions[name] = position;
    }
  }

  begin(streams: Streams, resumed: boolean): void {
    this.streams = streams;
    this.state = 'online';
    for (const channel of this.#byName.values()) channel.begin(resumed);
  }

  rest(): void {
    if (this.state === 'online') this.state = 'offline';
  }

  end(): void {
    this.state = 'over';
    for (const channel of this.#byName.values()) channel.update();
  }

  published(frame: PublicationFrame): void {
    this.#byName.get(frame.channel)?.published(frame);
  }

  /** Whether it is news; what is no channel of ours always is. */
  gap({ stream, to }: GapFrame): boolean {
    return this.#byName.get(stream)?.skipTo(to) ?? true;
  }
}
