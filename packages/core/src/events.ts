import { type AnyAction, type NativeEvent, nativeEvents } from '@callboard/protocol';
import { GuardedObservable } from '@callboard/runtime';
import { type Observable, Subject } from 'rxjs';
import type { ServerClient } from './client.ts';
import type { Node } from './node.ts';
import { Encoded } from './outbox.ts';
import type { ServerUser } from './users.ts';

interface Emission {
  readonly event: NativeEvent | AnyAction;
  readonly user: ServerUser | undefined;
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
   * An event of a user or of a client is for that user's clients, one of the server for everybody. What is emitted
   * while another event is being told waits for its turn.
   */
  emit(event: NativeEvent | AnyAction, user?: ServerUser, client?: ServerClient): void {
    this.#waiting.push({ event, user, client });
    this.#go();
  }

  /** To these alone, at once. @throws where it cannot be encoded. */
  tell(event: NativeEvent | AnyAction, clients: Iterable<ServerClient>): void {
    let frame: Encoded | undefined;
    for (const { foreign, link } of clients) {
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

  #dispatch({ event, user, client }: Emission): void {
    this.#subject.next(event);
    this.#node.requests.handleEvent(event, user, client);
    let frame: Encoded | undefined;
    for (const reader of user === undefined ? this.#node.clients.byId.values() : user.clients) {
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
