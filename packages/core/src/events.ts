import { type AnyAction, type NativeEvent, nativeEvents } from '@callboard/protocol';
import { GuardedObservable } from '@callboard/runtime';
import { type Observable, Subject } from 'rxjs';
import type { ServerClient } from './client.ts';
import type { Node } from './node.ts';
import { Encoded } from './outbox.ts';
import type { EventScope } from './plugin.ts';
import type { ServerUser } from './users.ts';

/** Which clients may see an event: a user's, all, or none. */
export type Audience = ServerUser | 'everybody' | 'nobody';

interface Emission {
  readonly event: NativeEvent | AnyAction;
  readonly audience: Audience;
  readonly client: ServerClient | undefined;
}

/** Native events: to the handler, to `events$`, and to the clients that subscribed and may see them. */
export class Events {
  readonly events$: Observable<NativeEvent | AnyAction>;
  /** The types that plugins declared, as `connected` announces them. */
  readonly added: string[] = [];
  readonly #node: Node;
  readonly #subject = new Subject<NativeEvent | AnyAction>();
  readonly #types = new Set<string>(Object.values(nativeEvents).flat());
  readonly #waiting: Emission[] = [];
  #holds = 0;
  #dispatching = false;

  constructor(node: Node) {
    this.#node = node;
    this.events$ = new GuardedObservable(this.#subject, node.logger);
  }

  /** @throws where a type is declared already. */
  declare(type: string): void {
    if (this.#types.has(type)) throw new Error(`there is a native event ${type} already`);
    this.#types.add(type);
    this.added.push(type);
  }

  /** Whether a type is a native event's, which no client may send as an action. */
  has(type: string): boolean {
    return this.#types.has(type);
  }

  /**
   * Tells an event. What is emitted while another one is being told waits for its turn.
   * @param client whom the handler is told it is about, beside its user.
   */
  emit(event: NativeEvent | AnyAction, audience: Audience, client?: ServerClient): void {
    this.#waiting.push({ event, audience, client });
    this.#go();
  }

  /** To these alone, at once. @throws where it cannot be encoded. */
  tell(event: NativeEvent | AnyAction, clients: Iterable<ServerClient>): void {
    let frame: Encoded | undefined;
    for (const { foreign, link, online } of clients) {
      if (!online) continue;
      foreign?.told(event);
      if (link === undefined) continue;
      frame ??= this.#encoded(event);
      link.send(frame);
    }
  }

  /** Nothing is told until as many `release`s: what is being done must be done first. */
  hold(): void {
    this.#holds++;
  }

  release(): void {
    this.#holds--;
    this.#go();
  }

  #go(): void {
    if (this.#holds > 0 || this.#dispatching) return;
    this.#dispatching = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        this.#dispatch(next);
      } catch (cause) {
        // A plugin's event that cannot be encoded.
        this.#node.logger.error('an event was not told', { event: next.event.type, cause });
      }
    }
    this.#dispatching = false;
  }

  /** As a plugin or a gateway says: without a scope it is for the server's own code alone. */
  emitIn({ user, client, everybody = false }: EventScope, event: AnyAction): void {
    const about = user ?? client?.user;
    const unscoped = everybody ? 'everybody' : 'nobody';
    // Whoever is gone has no client that could see it, and nobody else is to.
    const audience = about === undefined ? unscoped : (this.#node.users.byId.get(about.id) ?? 'nobody');
    this.emit(event, audience, client as ServerClient | undefined);
  }

  #readers(audience: Audience): Iterable<ServerClient> {
    if (audience === 'nobody') return [];
    return audience === 'everybody' ? this.#node.clients.byId.values() : audience.clients;
  }

  #dispatch({ event, audience, client }: Emission): void {
    this.#subject.next(event);
    this.#node.requests.handleEvent(event, typeof audience === 'string' ? undefined : audience, client);
    let frame: Encoded | undefined;
    for (const reader of this.#readers(audience)) {
      if (!reader.online) continue;
      reader.foreign?.told(event);
      if (!reader.events?.has(event.type)) continue;
      frame ??= this.#encoded(event);
      reader.link?.send(frame);
    }
  }

  #encoded(event: NativeEvent | AnyAction): Encoded {
    return new Encoded(this.#node.codec.encode({ op: 'event', event: event as AnyAction }));
  }
}
