import { type AnyAction, type ClientPluginContext, SendError, type Unsubscribe } from '@callboard/client';
import { GuardedObservable } from '@callboard/runtime';
import { BehaviorSubject, filter, first, firstValueFrom, type Observable } from 'rxjs';
import type { Page, TokenSource, Watch, WatchOptions, WatchState } from './client.ts';
import { isWatching, type Known, type Told, toldOf, type Watching, type WirePage } from './contract.ts';

const RETRY_MS = 2_000;
const SOON_MS = 20;
/** Nobody knows what became of it, or the server knows nothing of it any more: asked anew, it may go well. */
const passing = ['OUTCOME_UNKNOWN', 'HANDLER_TIMEOUT', 'UNKNOWN_WATCH'];

export interface ClientWatchHost {
  left(watch: ClientWatch): void;
  /** Another one each time. */
  nextId(): number;
  /** The server need not know this one any more, if it does. */
  forget(id: number): void;
}

/** A watch, through all the sessions of its client. */
export class ClientWatch implements Watch {
  readonly path: string;
  readonly pages$: Observable<Page>;
  readonly state$: Observable<WatchState>;
  readonly #context: ClientPluginContext;
  readonly #options: WatchOptions;
  readonly #host: ClientWatchHost;
  readonly #pages = new BehaviorSubject<Page | undefined>(undefined);
  readonly #states = new BehaviorSubject<WatchState>({ state: 'opening' });
  /** By which the server knows it in this session, or is about to. */
  #id: number | undefined;
  /** What the server has of it. */
  #watching: Watching | undefined;
  #unsubscribe: Unsubscribe | undefined;
  /** The newest page. */
  #wire: WirePage | undefined;
  #seq = 0;
  /** Asked where the page stands: what has changed from then on, by whatever way, is news. */
  #looked = false;
  /** The API has not taken a token since it refused one. */
  #renewed = false;
  /** Counts what was begun: what comes of anything before it is of no interest. */
  #attempt = 0;
  #timer: unknown;

  constructor(context: ClientPluginContext, path: string, options: WatchOptions, host: ClientWatchHost) {
    this.#context = context;
    this.path = path;
    this.#options = options;
    this.#host = host;
    const { logger } = context;
    this.pages$ = new GuardedObservable(this.#pages.pipe(filter((page) => page !== undefined)), logger);
    this.state$ = new GuardedObservable(this.#states, logger);
  }

  get page(): Page | undefined {
    return this.#pages.value;
  }

  get state(): WatchState {
    return this.#states.value;
  }

  /** Whether the server has acknowledged it, in this session. */
  get isOpen(): boolean {
    return this.#watching !== undefined;
  }

  subscribe(callback: (page: Page) => void): Unsubscribe {
    const subscription = this.pages$.subscribe(callback);
    return () => subscription.unsubscribe();
  }

  async acknowledged(): Promise<void> {
    const opened$ = this.state$.pipe(first(({ state }) => state !== 'opening'));
    const now = this.state.state === 'ended' ? this.state : await firstValueFrom(opened$);
    if (now.state === 'ended')
      throw Object.assign(new Error(`the watch has ended: ${now.code}`), { code: now.code });
  }

  unwatch(): void {
    this.end('UNWATCHED');
  }

  /** Asks the server for it, in a session that knows nothing of it. */
  open(): void {
    this.#forget();
    const watch = this.#host.nextId();
    void this.#try(async (isCurrent) => {
      const { path, headers } = { path: this.path, ...this.#options };
      const token = await tokenOf(this.#options.token);
      if (!isCurrent()) return;
      this.#id = watch;
      const watching = await this.#ask({
        type: 'REFETCH_WATCH',
        watch,
        path,
        ...(token !== undefined && { token }),
        ...(headers !== undefined && { headers }),
      });
      if (isCurrent()) this.#attach(watching);
    });
  }

  /** The session is over, and the channel with it. */
  detach(): void {
    this.#attempt++;
    this.#id = undefined;
    this.#watching = undefined;
    this.#context.timers.clearTimeout(this.#timer);
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  end(code: string): void {
    if (this.state.state === 'ended') return;
    this.#forget();
    this.#host.left(this);
    this.#states.next({ state: 'ended', code });
    this.#states.complete();
    this.#pages.complete();
  }

  #attach(watching: unknown): void {
    if (!isWatching(watching)) return this.end('INTERNAL');
    this.#unsubscribe?.();
    this.#watching = watching;
    // Of another channel: they are counted anew.
    this.#seq = watching.seq;
    const channel = this.#context.client.channel(watching.channel);
    const subscriptions = [
      channel.publications$.subscribe(({ data }) => this.#told(toldOf(data))),
      channel.gaps$.subscribe(() => this.#lookSoon()),
      channel.refusals$.subscribe(() => this.#again()),
    ];
    this.#unsubscribe = () => {
      for (const subscription of subscriptions) subscription.unsubscribe();
    };
    if (this.state.state === 'opening') this.#states.next({ state: 'live' });
    this.#look();
  }

  /** Asks where the page stands: at the beginning, and after what was missed. */
  #look(): void {
    const { seq } = this.#watching as Watching;
    const watch = this.#id;
    void this.#try(async (isCurrent) => {
      const { tag, etag, modified } = this.#wire ?? ({} as Partial<WirePage>);
      const isFirst = !this.#looked;
      this.#looked = true;
      const place = isFirst && this.#options.first === false ? { seq } : {};
      const known: Known = {
        ...place,
        ...(tag && { tag }),
        ...(etag && { etag }),
        ...(modified && { modified }),
      };
      const answer = await this.#ask({ type: 'REFETCH_PAGE', watch, ...known });
      const begins = this.#wire === undefined && (isFirst || this.#options.first !== false);
      if (isCurrent()) this.#told(toldOf(answer), begins ? 'first' : 'revalidated');
    });
  }

  /** What is left of the stream comes with the gap: perhaps it is all there is to know. */
  #lookSoon(): void {
    const { timers } = this.#context;
    timers.clearTimeout(this.#timer);
    this.#timer = timers.setTimeout(() => {
      if (this.#watching !== undefined) this.#look();
    }, SOON_MS);
  }

  #told(told: Told | undefined, reason?: Page['reason']): void {
    // It was overtaken.
    if (told === undefined || told.seq < this.#seq) return;
    this.#seq = told.seq;
    switch (told.kind) {
      case 'page':
        return this.#take(told, reason ?? told.reason);
      case 'fresh':
        return this.#live();
      case 'stale':
        return this.#stale(told.why);
      case 'token':
        return this.#renew(told.why);
      case 'end':
        if (told.code === 'UNAUTHORIZED' || told.code === 'INTERNAL') return this.end(told.code);
        return;
    }
  }

  #take(page: WirePage, reason: Page['reason']): void {
    const isNews = page.tag !== this.#wire?.tag;
    this.#wire = page;
    this.#renewed = false;
    this.#live();
    if (isNews) this.#pages.next({ ...shown(page), reason });
    if (page.ends) this.end(`HTTP_${page.status}`);
  }

  #live(): void {
    if (this.state.state !== 'live') this.#states.next({ state: 'live' });
  }

  #stale(why: string): void {
    const { state } = this;
    if (state.state !== 'stale' || state.why !== why) this.#states.next({ state: 'stale', why });
  }

  /** The API does not take the token, or it is too old to be kept: one that can be made anew is, once. */
  #renew(why: 'refused' | 'expired'): void {
    const { token: source } = this.#options;
    const isHopeless = why === 'refused' && (this.#renewed || typeof source !== 'function');
    if (isHopeless || source === undefined) return this.end('UNAUTHORIZED');
    void this.#try(async (isCurrent) => {
      const token = await tokenOf(source);
      if (!isCurrent()) return;
      if (token === undefined) return this.end('UNAUTHORIZED');
      const renewed = await this.#ask({ type: 'REFETCH_TOKEN', watch: this.#id, token });
      if (!isCurrent()) return;
      this.#renewed = why === 'refused';
      this.#attach(renewed);
    });
  }

  /** Takes the place of whatever was under way. */
  async #try(work: (isCurrent: () => boolean) => Promise<void>): Promise<void> {
    const attempt = ++this.#attempt;
    this.#context.timers.clearTimeout(this.#timer);
    const isCurrent = () => this.#attempt === attempt;
    try {
      await work(isCurrent);
    } catch (cause) {
      if (!isCurrent()) return;
      if (!(cause instanceof SendError)) this.#context.logger.warn('a token could not be had', { cause });
      else if (!cause.error.retryable && !passing.includes(cause.code)) return this.end(cause.code);
      this.#again();
    }
  }

  /** In a while; a new connection does it at once. */
  #again(): void {
    const { timers, client } = this.#context;
    this.#forget();
    this.#timer = timers.setTimeout(() => {
      if (client.isConnected()) this.open();
    }, RETRY_MS);
  }

  #forget(): void {
    const id = this.#id;
    this.detach();
    if (id !== undefined) this.#host.forget(id);
  }

  #ask(action: AnyAction): Promise<unknown> {
    return this.#context.client.sendToServer(action, { resend: true });
  }
}

async function tokenOf(source: TokenSource | undefined): Promise<string | undefined> {
  return typeof source === 'function' ? source() : source;
}

function shown({ status, headers, body, base64, version }: WirePage): Omit<Page, 'reason'> {
  return { status, headers, body: bodyOf(body, base64 === true, headers['content-type'] ?? ''), version };
}

function bodyOf(body: string, base64: boolean, type: string): unknown {
  if (base64) return Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
  if (!/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)) return body;
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return body;
  }
}
