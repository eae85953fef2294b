import type { ClientPluginContext, SendError } from '@callboard/client';
import type { UserId } from '@callboard/protocol';
import { GuardedObservable } from '@callboard/runtime';
import { BehaviorSubject, filter, Observable } from 'rxjs';
import { Awaited } from './awaited.ts';
import {
  type Begun,
  type Choice,
  maxAsked,
  type OwnPresence,
  type UserPresence,
  userIdsIn,
  type Versioned,
  type Watched,
} from './contract.ts';
import { fromServer } from './from-server.ts';
import { type WatchedUsers, WatchView } from './watch-view.ts';

/** Before it asks again, in milliseconds, where the server does not say when. */
const AGAIN_MS = 1_000;

/** What the server says of users: asked for when a session begins, kept up by what it tells, made good after a lost connection. */
export class ClientUsers {
  readonly own$: Observable<OwnPresence>;
  readonly #context: ClientPluginContext;
  readonly #begun: (begun: Begun) => void;
  readonly #own = new BehaviorSubject<OwnPresence | undefined>(undefined);
  #ownVersion = -1;
  /** By user, who watches them. */
  readonly #views = new Map<string, Set<WatchView>>();
  readonly #known = new Map<string, UserPresence>();
  /** Of what is known by this session. */
  readonly #versions = new Map<string, number>();
  readonly #refused = new Map<string, string>();
  readonly #awaited: Awaited;
  /** Those that the server has been asked for in this session. */
  #asked = new Set<string>();
  /** The highest version that was told unasked; what was told since a connection was lost may be missing above it. */
  #since = -1;
  /** From where the server is to say anew what there is; undefined where nothing is missing. */
  #missingSince: number | undefined;
  /** Counts sessions: an answer in another one is of no interest. */
  #session = 0;
  #isAsking = false;
  #isArmed = false;
  #again: unknown;
  #isClosed = false;

  constructor(context: ClientPluginContext, begun: (begun: Begun) => void) {
    const { client, logger } = context;
    this.#context = context;
    this.#begun = begun;
    this.#awaited = new Awaited(context.timers, (users) => this.#take({ users, refused: [] }));
    const own$ = this.#own.pipe(filter((own) => own !== undefined));
    this.own$ = new GuardedObservable(own$, logger);
    context.incoming(
      filter(({ kind, action }) => {
        if (kind !== 'event' || action === undefined) return true;
        const told = fromServer(action);
        if (told === undefined) return true;
        if (told.type === 'PRESENCE_OWN_CHANGED') this.#takeOwn(told.own);
        else if (told.type === 'PRESENCE_CHANGED') this.#changed(told.users);
        else this.#refuse(told.userIds, 'FORBIDDEN');
        return false;
      }),
    );
    client.connected$.subscribe(({ resumed }) => (resumed ? this.#resumed() : this.#anew()));
    context.onClose(() => {
      this.#isClosed = true;
      context.timers.clearTimeout(this.#again);
      this.#awaited.end();
      this.#own.complete();
    });
  }

  get own(): OwnPresence | undefined {
    return this.#own.value;
  }

  async choose(choice: Choice): Promise<void> {
    await this.#context.client.sendToServer({ type: 'PRESENCE_CHOOSE', choice });
  }

  /** @throws TypeError where an id is none. */
  watch(userIds: UserId | readonly UserId[]): Observable<WatchedUsers> {
    const ids = userIdsIn(userIds);
    const watched$ = new Observable<WatchedUsers>((subscriber) => {
      const view = new WatchView(
        ids,
        (watched) => subscriber.next(watched),
        () => subscriber.complete(),
      );
      this.#open(view);
      return () => this.#close(view);
    });
    return new GuardedObservable(watched$, this.#context.logger);
  }

  #open(view: WatchView): void {
    for (const id of view.userIds) {
      const views = this.#views.get(id) ?? new Set();
      this.#views.set(id, views);
      views.add(view);
      // Who asks now may be answered otherwise than who asked then.
      this.#refused.delete(id);
    }
    view.update(this.#known, this.#refused);
    this.#arm();
  }

  #close(view: WatchView): void {
    for (const id of view.userIds) {
      const views = this.#views.get(id);
      views?.delete(view);
      if (views?.size !== 0) continue;
      this.#views.delete(id);
      this.#refused.delete(id);
      this.#settle(id);
    }
    this.#arm();
  }

  /** Another session: the server knows nothing of this client. */
  #anew(): void {
    this.#session++;
    this.#asked = new Set();
    this.#refused.clear();
    this.#since = -1;
    this.#missingSince = -1;
    // What it says is of another count.
    this.#versions.clear();
    this.#ownVersion = -1;
    for (const id of this.#known.keys()) this.#settle(id);
    this.#arm();
  }

  #resumed(): void {
    this.#missingSince ??= this.#since;
    this.#arm();
  }

  /** Asks at the end of this turn for what lacks by then. */
  #arm(): void {
    if (this.#isArmed || this.#session === 0) return;
    this.#isArmed = true;
    queueMicrotask(() => {
      this.#isArmed = false;
      void this.#ask();
    });
  }

  /** One request at a time: the order in which the server takes them is not theirs. */
  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#context.timers.clearTimeout(this.#again);
    for (let more = true; more && !this.#isClosed; ) {
      const session = this.#session;
      const add = this.#missingSince === undefined ? this.#lacking() : [];
      try {
        more = await this.#askNext(add, session);
      } catch (error) {
        if (this.#isClosed || session !== this.#session) continue;
        more = this.#failed(error as SendError, add);
      }
    }
    this.#isAsking = false;
  }

  /** Says whether there may be more to ask. */
  async #askNext(add: readonly string[], session: number): Promise<boolean> {
    const missingSince = this.#missingSince;
    if (missingSince !== undefined) {
      const since = missingSince < 0 ? undefined : missingSince;
      const begun = await this.#call<Begun>({ type: 'PRESENCE_BEGIN', since });
      if (session !== this.#session) return true;
      if (this.#missingSince === missingSince) this.#missingSince = undefined;
      if (missingSince < 0) this.#awaited.begin(begun.settlesMs ?? 0);
      this.#begun(begun);
      this.#takeOwn(begun.own);
      this.#take(begun);
      return true;
    }
    const remove = [...this.#asked].filter((id) => !this.#views.has(id)).slice(0, maxAsked.ids);
    if (add.length === 0 && remove.length === 0) return false;
    const watched = await this.#call<Watched>({ type: 'PRESENCE_WATCH', add, remove });
    if (session !== this.#session) return true;
    for (const id of remove) {
      this.#asked.delete(id);
      this.#settle(id);
    }
    for (const id of add) this.#asked.add(id);
    this.#take(watched);
    return true;
  }

  #failed({ error }: SendError, add: readonly string[]): boolean {
    const { timers, logger } = this.#context;
    if (error.code === 'TOO_MANY_WATCHED' || error.code === 'INVALID_ACTION') {
      this.#refuse(add, error.code);
      return true;
    }
    logger.warn('the server did not say how users are', { cause: error });
    this.#again = timers.setTimeout(() => this.#arm(), error.retryAfterMs ?? AGAIN_MS);
    return false;
  }

  #call<Reply>(action: { type: string; [more: string]: unknown }): Promise<Reply> {
    return this.#context.client.sendToServer<Reply>(action, { resend: true });
  }

  /** As many as fit one request. */
  #lacking(): readonly string[] {
    const lacking: string[] = [];
    let length = 0;
    for (const id of this.#views.keys()) {
      if (this.#asked.has(id) || this.#refused.has(id) || id === this.#context.client.userId) continue;
      length += id.length;
      if (lacking.length === maxAsked.ids || length > maxAsked.length) break;
      lacking.push(id);
    }
    return lacking;
  }

  #takeOwn(own: Versioned<OwnPresence>): void {
    const { version, ...now } = own;
    if (version <= this.#ownVersion) return;
    this.#ownVersion = version;
    const { choice: _, activeClient: __, ...seen } = now;
    this.#known.set(own.userId, seen);
    this.#own.next(now);
    this.#update([own.userId]);
  }

  #changed(users: readonly Versioned<UserPresence>[]): void {
    for (const { version } of users) this.#since = Math.max(this.#since, version);
    this.#take({ users, refused: [] });
  }

  #take({ users, refused }: Watched): void {
    for (const { version, ...user } of users) {
      const { userId } = user;
      const known = this.#versions.get(userId);
      if (!this.#asked.has(userId) || version <= (known ?? -1)) continue;
      if (
        this.#awaited.takes({ ...user, version }, known === undefined ? this.#known.get(userId) : undefined)
      )
        continue;
      this.#versions.set(userId, version);
      this.#known.set(userId, user);
    }
    this.#refuse(refused, 'FORBIDDEN');
    this.#update(users.map(({ userId }) => userId));
  }

  #refuse(userIds: readonly string[], code: string): void {
    for (const id of userIds) {
      this.#asked.delete(id);
      if (!this.#views.has(id)) continue;
      this.#forget(id);
      this.#refused.set(id, code);
    }
    this.#update(userIds);
  }

  /** Nobody watches this one, and the server knows. */
  #settle(id: string): void {
    const isNeeded = this.#views.has(id) || this.#asked.has(id) || id === this.#context.client.userId;
    if (!isNeeded) this.#forget(id);
  }

  #forget(id: string): void {
    this.#known.delete(id);
    this.#versions.delete(id);
  }

  #update(userIds: readonly string[]): void {
    const views = new Set<WatchView>();
    for (const id of userIds) for (const view of this.#views.get(id) ?? []) views.add(view);
    for (const view of views) view.update(this.#known, this.#refused);
  }
}
