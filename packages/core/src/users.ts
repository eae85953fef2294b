import { Disconnect, type NativeEvent, type UserStatus } from '@callboard/protocol';
import { type ActorView, type Awaitable, GuardedObservable, isPromise } from '@callboard/runtime';
import { type Observable, Subject } from 'rxjs';
import { type Actor, assign, type SnapshotFrom } from 'xstate';
import type { Message, User } from './api.ts';
import type { ServerClient } from './client.ts';
import { inboxOf } from './hub.ts';
import {
  connectedStatus,
  neverOnline,
  type StatusInput,
  type StatusReducer,
  type UserMachineEvent,
  userMachine,
} from './machines/user-machine.ts';
import { messagesOf } from './messages.ts';
import type { Node } from './node.ts';
import type { Encoded } from './outbox.ts';
import { type Owner, sharing } from './registry.ts';
import type { Feed } from './streams/feed.ts';

type UserActor = Actor<typeof userMachine>;

/** The users that have a client or whom a plugin says to be there still, and the actors that decide for them. */
export class Users {
  readonly byId = new Map<string, ServerUser>();
  readonly users$: Observable<ServerUser>;
  readonly machine: typeof userMachine;
  readonly #node: Node;
  readonly #coming = new Subject<ServerUser>();
  readonly #online: SnapshotFrom<typeof userMachine>;
  #reducers: readonly StatusReducer[] = [connectedStatus];

  constructor(node: Node) {
    this.#node = node;
    this.users$ = new GuardedObservable(this.#coming, node.logger);
    const machine = userMachine.provide({
      actions: {
        reduceStatus: assign(({ context, event, self }) =>
          this.#reduce(context, this.#owner(self.id), event),
        ),
        announce: ({ context, self }) => this.#owner(self.id).announce(context),
        end: ({ self }) => this.#owner(self.id).gone(),
      },
    });
    this.machine = sharing(machine);
    this.#online = machine.resolveState({ value: 'online', context: neverOnline });
  }

  /** An actor for a user whose first client is online, and the status that it begins with. */
  spawn(user: ServerUser): UserActor {
    const at = this.#node.clock.now();
    const { online, clients } = user;
    const context = this.#reduce(neverOnline, user, {
      type: 'CLIENTS_CHANGED',
      online,
      clients: clients.size,
      at,
    });
    const actor = this.#node.registry.spawn(
      this.machine,
      `user:${user.id}`,
      { ...this.#online, context },
      user,
    );
    user.announce(context);
    return actor;
  }

  /** The plugins' reducers, after our own. */
  compose(reducers: readonly StatusReducer[]): void {
    this.#reducers = [connectedStatus, ...reducers];
  }

  /** The user of this id, made where there was none; `ready` says when the inbox is open. */
  obtain(userId: string): ServerUser {
    const known = this.byId.get(userId);
    if (known !== undefined) return known;
    const user = new ServerUser(userId, this.#node);
    const feed = this.#node.hub.open(userId);
    this.byId.set(userId, user);
    if (isPromise(feed)) {
      user.ready = feed.then((opened) => {
        user.feed = opened;
        return opened;
      });
      user.ready.then(undefined, () => this.remove(user));
    } else {
      user.feed = feed;
      user.ready = feed;
    }
    return user;
  }

  /** A user is there for the first time. */
  come(user: ServerUser): void {
    this.#coming.next(user);
  }

  remove(user: ServerUser): void {
    if (this.byId.get(user.id) === user) this.byId.delete(user.id);
    if (user.feed !== undefined) this.#node.feeds.close(user.inbox, user.feed);
  }

  #reduce(status: UserStatus, user: ServerUser, event: UserMachineEvent): UserStatus {
    const input = { userId: user.id, event, online: user.online, at: event.at };
    return this.#reducers.reduce((last, reduce) => this.#guarded(reduce, last, input), status);
  }

  /** A plugin's reducer that throws has no say this time; the user's actor lives on. */
  #guarded(reduce: StatusReducer, status: UserStatus, input: StatusInput): UserStatus {
    try {
      const next = reduce(status, input);
      if (typeof next?.status !== 'string') throw new TypeError('a status reducer gave no status');
      return next;
    } catch (cause) {
      this.#node.logger.error('a status reducer failed', { user: input.userId, cause });
      return status;
    }
  }

  #owner(actorId: string): ServerUser {
    return this.#node.registry.owner(actorId) as ServerUser;
  }
}

export class ServerUser implements User, Owner {
  readonly id: string;
  /** Name of its stream. */
  readonly inbox: string;
  readonly clients = new Set<ServerClient>();
  activeClient: ServerClient | undefined;
  /** The inbox, once it is open. */
  ready!: Awaitable<Feed<Encoded>>;
  /** Clients that have a connection. */
  online = 0;
  /** Connections that wait for the inbox to open; the user stays for them. */
  arriving = 0;
  feed: Feed<Encoded> | undefined;
  readonly #node: Node;
  #actor: UserActor | undefined;
  #joined = false;
  #announced: UserStatus = neverOnline;

  constructor(id: string, node: Node) {
    this.id = id;
    this.inbox = inboxOf(id);
    this.#node = node;
  }

  get status(): UserStatus {
    return this.#announced;
  }

  get actor(): ActorView<SnapshotFrom<typeof userMachine>> {
    return this.#node.registry.view(this.#actor as UserActor);
  }

  get messages$(): Observable<Message> {
    return messagesOf(this.#node, this, undefined);
  }

  /** A client is welcomed. Says whether it is the first. */
  join(): boolean {
    if (this.#joined) return false;
    this.#joined = true;
    const { events, clock } = this.#node;
    events.emit({ type: 'USER_JOINED', userId: this.id, at: clock.now() }, this);
    return true;
  }

  /** A client came, went or was lost. */
  changed(): void {
    const { clock, users } = this.#node;
    const { online, arriving } = this;
    const clients = this.clients.size + arriving;
    if (this.#actor === undefined && clients === 0) users.remove(this);
    else if (this.#actor === undefined && online > 0) this.#actor = users.spawn(this);
    else this.#actor?.send({ type: 'CLIENTS_CHANGED', online, clients, at: clock.now() });
  }

  /** What a plugin says of the status has changed. */
  revised(): void {
    const { online, arriving } = this;
    const clients = this.clients.size + arriving;
    this.#actor?.send({ type: 'REVISED', online, clients, at: this.#node.clock.now() });
  }

  /** It has a client that may come back. */
  restored(): void {
    this.#actor ??= this.#node.users.spawn(this);
    this.changed();
  }

  activity(client: ServerClient, state: 'active' | 'idle'): void {
    client.activity = state;
    if (state === 'active') this.activeClient = client;
    this.#actor?.send({ type: 'ACTIVITY', state, clientId: client.id, at: this.#node.clock.now() });
  }

  announce(status: UserStatus): void {
    const before = this.#announced;
    this.#announced = status;
    if (status.status === before.status) return;
    this.#node.events.emit(this.#statusChange, this);
  }

  /** The status as it is, to those who may have missed how it became so. */
  tellStatus(clients: Iterable<ServerClient>): void {
    this.#node.events.tell(this.#statusChange, clients);
  }

  get #statusChange(): NativeEvent {
    return { type: 'STATUS_CHANGE', userId: this.id, ...this.#announced, at: this.#node.clock.now() };
  }

  gone(): void {
    const { registry, users, events, clock } = this.#node;
    registry.forget(`user:${this.id}`);
    users.remove(this);
    if (this.#joined) events.emit({ type: 'USER_LEFT', userId: this.id, at: clock.now() }, this);
  }

  /** Without its actor a user cannot go on: the clients come back to a new one. */
  crashed(): void {
    this.#actor = undefined;
    for (const client of [...this.clients]) client.close(new Disconnect('INTERNAL'));
    this.#node.users.remove(this);
  }
}
