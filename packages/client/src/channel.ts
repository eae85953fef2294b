import type { Published, ReplyError } from '@callboard/protocol';
import { GuardedObservable } from '@callboard/runtime';
import { BehaviorSubject, Observable } from 'rxjs';
import { historyPage } from './answers.ts';
import type {
  Channel,
  Gap,
  HistoryOptions,
  HistoryPage,
  Publication,
  PublishOptions,
  Unsubscribe,
} from './api.ts';
import type { Channels } from './channels.ts';
import type { PublishBody } from './plugin.ts';
import { Subscription } from './subscription.ts';

/** What application code has of a channel, or of a filter, for as long as the client lives. */
export class ClientChannel implements Channel {
  readonly name: string;
  readonly publications$: Observable<Publication>;
  readonly gaps$: Observable<Gap>;
  readonly refusals$: Observable<ReplyError>;
  readonly subscribed$: Observable<boolean>;
  readonly subscription: Subscription;
  readonly #all: Channels;
  readonly #subscribed = new BehaviorSubject(false);

  constructor(name: string, all: Channels) {
    this.name = name;
    this.#all = all;
    this.subscription = new Subscription(name, all);
    const { gaps$, logger } = all.host;
    this.gaps$ = new GuardedObservable(
      new Observable<Gap>((observer) =>
        gaps$.subscribe({
          next: (gap) => {
            if (all.hearing(gap.stream).includes(this)) observer.next(gap);
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
    this.refusals$ = new GuardedObservable(this.subscription.refusals, logger);
    this.subscribed$ = new GuardedObservable(this.#subscribed, logger);
    if (all.state === 'over') this.#subscribed.complete();
  }

  subscribe(callback: (publication: Publication) => unknown): Unsubscribe {
    return this.#all.subscribers.add(this.name, callback as (payload: never) => unknown);
  }

  publish(data: unknown, options: PublishOptions = {}): Promise<Published> {
    const { meta, version, key, exclude } = options;
    // What is undefined is left out of JSON; the rest is for the server to judge.
    const body = { op: 'publish', channel: this.name, data, meta, version, key, exclude };
    return this.#all.host.publish(body as PublishBody, options);
  }

  history(options: HistoryOptions = {}): Promise<HistoryPage> {
    const { before, limit } = options;
    return this.#all.host.read({ op: 'history', channel: this.name, before, limit }, options, (result) =>
      historyPage(this.name, result),
    ) as Promise<HistoryPage>;
  }

  /** Somebody has subscribed, or the last one has left. */
  changed(): void {
    this.subscription.update();
    this.#subscribed.next(this.#all.subscribers.has(this.name));
  }

  /** The client is closed. */
  end(): void {
    this.subscription.end();
    this.#subscribed.complete();
  }

  joined(): Promise<void> {
    return this.subscription.settled();
  }

  leave(): Promise<void> {
    this.#all.subscribers.clear(this.name);
    return this.joined();
  }
}
