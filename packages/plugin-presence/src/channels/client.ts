import { type Channel, type ClientPluginContext, SendError, type Unsubscribe } from '@callboard/client';
import { Disconnect } from '@callboard/protocol';
import { GuardedObservable } from '@callboard/runtime';
import { distinctUntilChanged, filter, map, Observable, type Subscriber, Subscription } from 'rxjs';
import type { Counts, Member, MemberMeta } from './contract.ts';
import { type ChannelPresenceEvent, type Known, Watch } from './watch.ts';

export type { ChannelPresenceEvent } from './watch.ts';

/** Who is in a channel: `client.channel(name).presence`. The server tells for as long as somebody here wants to know. */
export interface ChannelPresence {
  /** The channel's. */
  readonly name: string;
  /**
   * Calls back with what is (`snapshot`), and then with each change: `join`, `leave` and `update` of a user, which are told apart
   * from each other also where a connection was lost meanwhile. One that throws is reported to the logger and harms no other.
   */
  subscribe(callback: (event: ChannelPresenceEvent) => void): Unsubscribe;
  /** The same. */
  readonly events$: Observable<ChannelPresenceEvent>;
  /** Who is there, now and whenever that changes; empty where the channel carries counts alone, or this client may not know. */
  readonly members$: Observable<readonly Member[]>;
  /** How many are there: now, and whenever that changes. */
  readonly counts$: Observable<Counts>;
  /** Who is there. Resolves when the server has said. @throws ReplyError FORBIDDEN where this client may not know; Disconnect where the client is closed before. */
  members(): Promise<readonly Member[]>;
  /**
   * What others are told of this client while it is in the channel, in place of what it said before. It is said again in a new
   * session, and forgotten when the client leaves the channel.
   * @throws SendError META_TOO_LARGE, INVALID_META, FORBIDDEN where the channel has no presence
   */
  update(meta: MemberMeta): Promise<void>;
  /** Takes that back: where only those are in the channel who say something, this client is not any more. @throws SendError */
  leave(): Promise<void>;
}

/** What a client has of presence in channels. */
export interface ClientChannels {
  /** The same as `client.channel(name).presence`. */
  channel(name: string): ChannelPresence;
}

export function channelPresenceClient(context: ClientPluginContext): ClientChannels {
  const byName = new Map<string, ClientChannelPresence>();
  context.onClose(() => {
    for (const presence of byName.values()) presence.close();
  });
  return {
    channel(name) {
      const presence = byName.get(name) ?? new ClientChannelPresence(context.client.channel(name), context);
      byName.set(name, presence);
      return presence;
    },
  };
}

class ClientChannelPresence implements ChannelPresence {
  readonly name: string;
  readonly events$: Observable<ChannelPresenceEvent>;
  readonly members$: Observable<readonly Member[]>;
  readonly counts$: Observable<Counts>;
  readonly #context: ClientPluginContext;
  readonly #channel: Channel;
  /** While somebody wants to know. */
  #watch: Watch | undefined;
  #watchers = 0;
  /** What this client says of itself. */
  #meta: MemberMeta | undefined;
  /** The server may not know. */
  #unsaid = false;
  #speaks = false;

  constructor(channel: Channel, context: ClientPluginContext) {
    this.name = channel.name;
    this.#channel = channel;
    this.#context = context;
    this.events$ = this.#observable((watch, observer) => {
      if (watch.known !== undefined) observer.next(firstOf(watch.known));
      return watch.events.subscribe(observer);
    });
    const known$ = this.#observable<Known | undefined>((watch, observer) => {
      if (watch.known !== undefined) observer.next(watch.known);
      return watch.moved.pipe(map(() => watch.known)).subscribe(observer);
    });
    this.members$ = known$.pipe(map((known) => known?.members ?? []));
    this.counts$ = known$.pipe(
      filter((known) => known !== undefined),
      map(({ counts }) => counts),
      distinctUntilChanged(isSame),
    );
  }

  subscribe(callback: (event: ChannelPresenceEvent) => void): Unsubscribe {
    const { logger } = this.#context;
    const subscription = this.events$.subscribe((event) => {
      try {
        callback(event);
      } catch (cause) {
        logger.error('a callback for presence failed', { channel: this.name, cause });
      }
    });
    return () => subscription.unsubscribe();
  }

  members(): Promise<readonly Member[]> {
    return new Promise((resolve, reject) => {
      const watch = this.#enter();
      const told = new Subscription(() => this.#exit());
      const refused = (error: unknown) => {
        told.unsubscribe();
        reject(error instanceof SendError ? error.error : error);
      };
      const look = () => {
        if (watch.known === undefined || told.closed) return;
        told.unsubscribe();
        resolve(watch.known.members);
      };
      told.add(watch.moved.subscribe({ next: look, complete: () => refused(closed()) }));
      told.add(watch.events.subscribe((event) => event.type === 'refused' && refused(event.error)));
      watch.stream.joined().then(look, refused);
    });
  }

  async update(meta: MemberMeta): Promise<void> {
    const before = this.#meta;
    this.#meta = meta;
    try {
      await this.#say();
    } catch (error) {
      const { effect, error: cause } = error as SendError;
      if (this.#meta === meta && effect === 'none' && !cause.retryable) {
        this.#meta = before;
        this.#unsaid = false;
      }
      throw error;
    }
  }

  /** With the client, for good. */
  close(): void {
    this.#watch?.end(true);
  }

  async leave(): Promise<void> {
    this.#meta = undefined;
    await this.#say();
  }

  async #say(): Promise<void> {
    const { client } = this.#context;
    const meta = this.#meta;
    this.#speak();
    this.#unsaid = true;
    const action = { type: 'PRESENCE_META', channel: this.name, meta: meta ?? null };
    await client.sendToServer(action, { resend: true });
    if (this.#meta === meta) this.#unsaid = false;
  }

  /** From the first word on: says it again to a server that does not know, and forgets it with the channel. */
  #speak(): void {
    if (this.#speaks) return;
    this.#speaks = true;
    const { client, logger } = this.#context;
    let wasIn = false;
    this.#channel.subscribed$.subscribe((isIn) => {
      if (wasIn && !isIn) {
        this.#meta = undefined;
        this.#unsaid = false;
      }
      wasIn = isIn;
    });
    client.connected$.subscribe(({ resumed }) => {
      if (this.#unsaid || (!resumed && this.#meta !== undefined))
        this.#say().catch((cause: unknown) =>
          logger.warn('what this client says in a channel could not be said', { channel: this.name, cause }),
        );
    });
  }

  #observable<T>(attach: (watch: Watch, observer: Subscriber<T>) => { unsubscribe(): void }) {
    const source = new Observable<T>((observer) => {
      const attached = attach(this.#enter(), observer);
      return () => {
        attached.unsubscribe();
        this.#exit();
      };
    });
    return new GuardedObservable<T>(source, this.#context.logger);
  }

  #enter(): Watch {
    this.#watchers++;
    this.#watch ??= new Watch(this.name, this.#context);
    return this.#watch;
  }

  #exit(): void {
    this.#watchers--;
    if (this.#watchers > 0) return;
    this.#watch?.end();
    this.#watch = undefined;
  }
}

function closed(): Disconnect {
  return new Disconnect(1000, { reason: 'closed by the application' });
}

function firstOf({ members, counts }: Known): ChannelPresenceEvent {
  return counts.listed ? { type: 'snapshot', members, counts } : { type: 'counts', counts };
}

function isSame(one: Counts, other: Counts): boolean {
  return one.users === other.users && one.clients === other.clients && one.listed === other.listed;
}
