import { Disconnect, type Position, type PublicationFrame, type Subscribed } from '@callboard/protocol';
import { GuardedObservable } from '@callboard/runtime';
import { Observable } from 'rxjs';
import type { Channel, Gap, Publication, PublishOptions, Unsubscribe } from './api.ts';
import type { Channels } from './channels.ts';
import { LONGEST_MS } from './longest.ts';
import type { SendError } from './send-error.ts';

/** One channel of a client, for as long as that lives. */
export class ClientChannel implements Channel {
  readonly name: string;
  readonly publications$: Observable<Publication>;
  readonly gaps$: Observable<Gap>;
  position: Position | undefined;
  readonly #all: Channels;
  /** What the server has been asked for, or has granted; `out` and `in` are certain. */
  #state: 'out' | 'joining' | 'in' | 'leaving' = 'out';
  /** The request that is not answered; what becomes of one before it is of no interest. */
  #asked: Promise<unknown> | undefined;
  #again: unknown;
  /** The server does not let this client in. */
  #refusal: SendError | undefined;
  /** Who waits until the server has done what is wanted. */
  #waiting: { resolve(): void; reject(error: unknown): void }[] = [];

  constructor(name: string, all: Channels) {
    this.name = name;
    this.#all = all;
    const { gaps$, logger } = all.host;
    this.gaps$ = new GuardedObservable(
      new Observable<Gap>((observer) =>
        gaps$.subscribe({
          next: (gap) => {
            if (gap.stream === name) observer.next(gap);
          },
          complete: () => observer.complete(),
        }),
      ),
      logger,
    );
    this.publications$ = new GuardedObservable(
      new Observable<Publication>((observer) => {
        // It ends with the client, as these do.
        const end = gaps$.subscribe({ complete: () => observer.complete() });
        end.add(this.subscribe((publication) => observer.next(publication)));
        return end;
      }),
      logger,
    );
  }

  subscribe(callback: (publication: Publication) => unknown): Unsubscribe {
    return this.#all.subscribers.add(this.name, callback as (payload: never) => unknown);
  }

  async publish(data: unknown, options?: PublishOptions): Promise<void> {
    const exclude = options?.exclude === true && { exclude: true };
    await this.#all.host.publish({ op: 'publish', channel: this.name, data, ...exclude }, options);
  }

  joined(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#settle();
    });
  }

  leave(): Promise<void> {
    this.#all.subscribers.clear(this.name);
    return this.joined();
  }

  /** There is a connection. */
  begin(resumed: boolean): void {
    if (!resumed) {
      this.#state = 'out';
      this.#asked = undefined;
      this.#refusal = undefined;
    }
    this.update();
  }

  /** Brings the server to what is wanted, one request at a time: an answer says what frames before it were of. */
  update(): void {
    const { state, host } = this.#all;
    host.timers.clearTimeout(this.#again);
    if (!this.#wanted) this.#refusal = undefined;
    if (!this.#wanted && this.#state === 'out') this.position = undefined;
    if (state !== 'online' || this.#asked !== undefined || this.#isSettled) return this.#settle();
    const { name, position } = this;
    const joins = this.#wanted && this.#state !== 'leaving';
    this.#state = joins ? 'joining' : 'leaving';
    const asked = host.request(
      joins
        ? { op: 'subscribe', channels: [name], ...(position && { positions: { [name]: position } }) }
        : { op: 'unsubscribe', channels: [name] },
    );
    this.#asked = asked;
    const answered = (go: () => void) => {
      if (this.#asked !== asked) return;
      this.#asked = undefined;
      go();
    };
    asked.then(
      (result) => answered(() => this.#done(joins, result as Subscribed | undefined)),
      (failed: SendError) => answered(() => this.#failed(joins, failed)),
    );
  }

  published({ op: _, retained, ...rest }: PublicationFrame): void {
    if (this.#state !== 'in' && this.#state !== 'joining') return;
    const { name, position } = this;
    const { offset } = rest;
    if (retained !== true) {
      if (position !== undefined && offset <= position.offset) return;
      this.position = { epoch: position?.epoch ?? this.#all.streams[name]?.epoch ?? '', offset };
    }
    const publication: Publication = { ...rest, retained: retained === true };
    this.#all.subscribers.tell(name, publication);
  }

  /** Whether it is a gap to whoever reads this. */
  skipTo(to: Position): boolean {
    const { position } = this;
    if (this.#state !== 'in' && this.#state !== 'joining') return false;
    if (position?.epoch === to.epoch && to.offset <= position.offset) return false;
    this.position = to;
    return true;
  }

  get #wanted(): boolean {
    return this.#all.subscribers.has(this.name);
  }

  get #isSettled(): boolean {
    return this.#refusal !== undefined || this.#state === (this.#wanted ? 'in' : 'out');
  }

  #done(joined: boolean, result: Subscribed | undefined): void {
    const at = result?.streams[this.name];
    this.#state = joined ? 'in' : 'out';
    if (!joined) this.position = undefined;
    else if (at !== undefined) this.position ??= { epoch: at.epoch, offset: at.offset };
    this.update();
  }

  /** Where nobody knows, or may know later, it is asked again: until then frames count as before. */
  #failed(joins: boolean, failed: SendError): void {
    const { retryable, retryAfterMs = AGAIN_MS, code } = failed.error;
    const { host, state } = this.#all;
    if (retryable || code === 'OUTCOME_UNKNOWN') {
      if (state === 'online')
        this.#again = host.timers.setTimeout(() => this.update(), Math.min(retryAfterMs, LONGEST_MS));
      return;
    }
    this.#state = 'out';
    if (joins) {
      this.#refusal = failed;
      host.logger.warn('a channel was refused', { channel: this.name, code });
    }
    this.update();
  }

  #settle(): void {
    const isOver = this.#all.state === 'over';
    if (!this.#isSettled && !isOver) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    const failure =
      this.#refusal ??
      (isOver && this.#wanted && new Disconnect(1000, { reason: 'closed by the application' }));
    for (const { resolve, reject } of waiting) {
      if (failure) reject(failure);
      else resolve();
    }
  }
}

/** Before it asks again, where the server does not say when. */
const AGAIN_MS = 1_000;
