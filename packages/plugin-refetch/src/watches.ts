import { createHmac, randomBytes } from 'node:crypto';
import { type Client, ReplyError } from '@callboard/core';
import type { Subscription } from 'rxjs';
import { Cell, type CellHost, type Credential } from './cell.ts';
import type { Reason } from './contract.ts';
import type { PathPattern, ResourcePath } from './path.ts';

/** Somebody's interest in a resource. */
export interface Watch {
  /** The client's own. */
  readonly id: number;
  readonly client: Client;
  cell: Cell;
  /** It has had another token since the API took one. */
  renewed: boolean;
}

interface OfClient {
  /** Undefined while it is found out whether the client may. */
  readonly watches: Map<number, Watch | undefined>;
  readonly presence: Pick<Subscription, 'unsubscribe'>;
}

/** What is watched, by one or more credentials. */
export interface Resource extends ResourcePath {
  readonly cells: Set<Cell>;
  /** The highest that a bump has named while it was watched. */
  version: number | undefined;
  /** While it waits for more bumps. */
  timer: unknown;
}

export interface WatchesOptions extends Omit<CellHost, 'tokenless' | 'over' | 'nextSeq'> {
  /** Of one client. */
  readonly maxWatches: number;
  /** How long bumps are gathered, in milliseconds. */
  readonly windowMs: number;
  /** How long a client may take for another token, in milliseconds. */
  readonly tokenWaitMs: number;
  /** How long a token is kept, in milliseconds. */
  readonly tokenTtlMs: number;
}

/** Who watches what. Tokens are here and nowhere else, and leave with the last watch that uses them. */
export class Watches {
  readonly #options: WatchesOptions;
  readonly #cells = new Map<string, Cell>();
  /** By pathname, then by path with query. */
  readonly #resources = new Map<string, Map<string, Resource>>();
  readonly #clients = new Map<Client, OfClient>();
  /** A name says nothing of the token that it is made of. */
  readonly #secret = randomBytes(32);
  readonly #host: CellHost;
  readonly #timers = new Map<Cell, unknown>();
  #lastSeq = 0;
  #count = 0;

  constructor(options: WatchesOptions) {
    this.#options = options;
    this.#host = {
      ...options,
      tokenless: (cell) => this.#tokenless(cell),
      over: (cell) => this.#end(cell),
      nextSeq: () => ++this.#lastSeq,
    };
  }

  get count(): number {
    return this.#count;
  }

  get credentials(): number {
    return this.#cells.size;
  }

  *resources(): IterableIterator<Resource> {
    for (const paths of this.#resources.values()) yield* paths.values();
  }

  /** A client is about to watch something, and may end it before that. @throws ReplyError TOO_MANY_WATCHES, INVALID_ACTION, UNAVAILABLE */
  reserve(client: Client, id: number): void {
    const { watches } = this.#clients.get(client) ?? this.#come(client);
    if (watches.size >= this.#options.maxWatches)
      throw new ReplyError('TOO_MANY_WATCHES', { message: 'The client watches too much.', effect: 'none' });
    if (watches.has(id)) throw new ReplyError('INVALID_ACTION');
    watches.set(id, undefined);
  }

  /** What was reserved. @throws ReplyError UNWATCHED */
  watch(client: Client, id: number, path: ResourcePath, credential: Credential): Watch {
    const own = this.#clients.get(client);
    if (own?.watches.has(id) !== true) throw new ReplyError('UNWATCHED', { effect: 'none' });
    const cell = this.#cell(path, credential);
    const watch: Watch = { id, client, cell, renewed: false };
    own.watches.set(id, watch);
    cell.watches.add(watch);
    this.#count++;
    return watch;
  }

  of(client: Client, id: number): Watch | undefined {
    return this.#clients.get(client)?.watches.get(id);
  }

  /** Whether the client watches what is published in the channel of this cell. */
  reads(client: Client, cellId: string): boolean {
    for (const watch of this.#clients.get(client)?.watches.values() ?? [])
      if (watch?.cell.id === cellId) return true;
    return false;
  }

  /** @throws ReplyError UNAUTHORIZED, and the watch is over, where this one has expired, or the last one was no good either. */
  renew(watch: Watch, token: string): void {
    const { cell } = watch;
    const isOver = (expiryOf(token) ?? Number.POSITIVE_INFINITY) <= this.#options.clock.now();
    if (isOver || (watch.renewed && !cell.proven)) {
      this.unwatch(watch.client, watch.id);
      throw new ReplyError('UNAUTHORIZED', { message: 'The API does not take the token.' });
    }
    const { resource, credential } = cell;
    const renewed = this.#cell(resource, { token, headers: credential.headers });
    // It is the one that is in use.
    if (renewed === cell) return;
    this.#leave(watch);
    watch.cell = renewed;
    watch.renewed = true;
    renewed.watches.add(watch);
  }

  unwatch(client: Client, id: number): void {
    const own = this.#clients.get(client);
    const watch = own?.watches.get(id);
    if (own?.watches.delete(id) !== true) return;
    if (watch !== undefined) {
      this.#count--;
      this.#leave(watch);
    }
    if (own.watches.size > 0) return;
    this.#clients.delete(client);
    own.presence.unsubscribe();
  }

  /** Everything that is watched and meant is fetched anew, when the window is over. Gives how many resources that are. */
  changed(meant: ResourcePath | PathPattern | 'all', reason: Reason, version?: number): number {
    let count = 0;
    for (const resource of this.#meant(meant)) {
      if (version !== undefined) {
        // It was told late, or twice.
        if (resource.version !== undefined && version <= resource.version) continue;
        resource.version = version;
      }
      count++;
      for (const cell of resource.cells) cell.changed(reason);
      resource.timer ??= this.#options.clock.setTimeout(() => {
        resource.timer = undefined;
        for (const cell of resource.cells) cell.due();
      }, this.#options.windowMs);
    }
    return count;
  }

  /** Nobody can tell for now what is so. */
  stall(): void {
    for (const cell of this.#cells.values()) if (cell.isWaiting) cell.stall('UNREACHABLE');
  }

  /** The upstream is back. */
  wake(): void {
    for (const cell of this.#cells.values()) cell.wake();
  }

  clear(): void {
    for (const client of [...this.#clients.keys()]) this.#left(client);
  }

  *#meant(meant: ResourcePath | PathPattern | 'all'): Iterable<Resource> {
    if (meant === 'all') yield* this.resources();
    else if ('matches' in meant) {
      for (const resource of this.resources()) if (meant.matches(resource)) yield resource;
    } else {
      const paths = this.#resources.get(meant.pathname);
      if (paths === undefined) return;
      // A path without a query means what is asked of it by any.
      if (meant.path === meant.pathname) yield* paths.values();
      else {
        const resource = paths.get(meant.path);
        if (resource !== undefined) yield resource;
      }
    }
  }

  /** @throws ReplyError UNAVAILABLE where it has gone already. */
  #come(client: Client): OfClient {
    if (client.actor.getSnapshot().status !== 'active') throw new ReplyError('UNAVAILABLE');
    const gone = () => this.#left(client);
    const own = { watches: new Map(), presence: client.actor.subscribe({ complete: gone, error: gone }) };
    this.#clients.set(client, own);
    return own;
  }

  #left(client: Client): void {
    for (const id of [...(this.#clients.get(client)?.watches.keys() ?? [])]) this.unwatch(client, id);
  }

  #cell(named: ResourcePath, credential: Credential): Cell {
    const what = JSON.stringify([named.path, credential.token ?? null, credential.headers]);
    const id = createHmac('sha256', this.#secret).update(what).digest('base64url').slice(0, 22);
    const known = this.#cells.get(id);
    if (known !== undefined) return known;
    const cell = new Cell(id, this.#resource(named), credential, this.#host);
    cell.seq = ++this.#lastSeq;
    cell.resource.cells.add(cell);
    this.#cells.set(id, cell);
    if (credential.token !== undefined) this.#keep(cell, credential.token);
    return cell;
  }

  /** The token is forgotten in time, whoever still watches. */
  #keep(cell: Cell, token: string): void {
    const { clock, tokenTtlMs } = this.#options;
    const expiresMs = (expiryOf(token) ?? Number.POSITIVE_INFINITY) - clock.now();
    const ms = Math.min(tokenTtlMs, Math.max(expiresMs, 0), LONGEST_TIMER_MS);
    const expire = () => {
      cell.proven = true;
      cell.refuse('expired');
    };
    this.#timers.set(cell, clock.setTimeout(expire, ms));
  }

  #resource({ path, pathname, segments }: ResourcePath): Resource {
    const paths = this.#resources.get(pathname) ?? new Map<string, Resource>();
    this.#resources.set(pathname, paths);
    const known = paths.get(path);
    if (known !== undefined) return known;
    const resource = {
      path,
      pathname,
      segments,
      cells: new Set<Cell>(),
      version: undefined,
      timer: undefined,
    };
    paths.set(path, resource);
    return resource;
  }

  #leave(watch: Watch): void {
    const { cell } = watch;
    cell.left(watch);
    if (cell.watches.size > 0) return;
    cell.end();
    this.#forget(cell);
  }

  #forget(cell: Cell): void {
    const { clock } = this.#options;
    const { resource } = cell;
    clock.clearTimeout(this.#timers.get(cell));
    this.#timers.delete(cell);
    if (this.#cells.get(cell.id) === cell) this.#cells.delete(cell.id);
    resource.cells.delete(cell);
    const paths = this.#resources.get(resource.pathname);
    if (resource.cells.size > 0 || paths?.get(resource.path) !== resource) return;
    clock.clearTimeout(resource.timer);
    paths.delete(resource.path);
    if (paths.size === 0) this.#resources.delete(resource.pathname);
  }

  /** Its watchers have so long to bring another token. */
  #tokenless(cell: Cell): void {
    const { clock, tokenWaitMs } = this.#options;
    this.#forget(cell);
    this.#timers.set(
      cell,
      clock.setTimeout(() => {
        this.#host.publish(cell, cell.ended('UNAUTHORIZED'));
        this.#end(cell);
      }, tokenWaitMs),
    );
  }

  #end(cell: Cell): void {
    for (const { client, id } of [...cell.watches]) this.unwatch(client, id);
  }
}

/** Of a JWT, in milliseconds since 1970; undefined where it is none, or has none. */
function expiryOf(token: string): number | undefined {
  const [, claims, signature] = token.split('.');
  if (claims === undefined || signature === undefined) return undefined;
  try {
    const { exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { exp?: unknown };
    return typeof exp === 'number' ? 1_000 * exp : undefined;
  } catch {
    return undefined;
  }
}

/** Node's timers cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
