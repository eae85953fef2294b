import { GuardedObservable, guarded, type Logger, Pipeline, type Timers } from '@callboard/runtime';
import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import type {
  ClientStatus,
  Connected,
  EventDelivery,
  Gap,
  MessageDelivery,
  Publication,
  StatusChange,
} from './api.ts';
import type { Incoming, IncomingOperator } from './plugin.ts';
import { Subscribers } from './subscribers.ts';

export interface DeliveriesHost {
  readonly userId: string;
  readonly timers: Timers;
  readonly logger: Logger;
  /** Somebody subscribes to another type, or nobody to one any more. */
  changed(): void;
  /** A publication has passed the operators. */
  published(publication: Publication): void;
}

/** What comes, on its way to whoever wants it: through the plugins' operators, to Observables and callbacks. */
export class Deliveries {
  readonly status$: Observable<ClientStatus>;
  readonly messages$: Observable<MessageDelivery>;
  readonly events$: Observable<EventDelivery['action']>;
  readonly gaps$: Observable<Gap>;
  readonly connected$: Observable<Connected>;
  readonly subscribers: Subscribers;
  readonly #host: DeliveriesHost;
  readonly #statuses = new BehaviorSubject<ClientStatus>('CONNECTING');
  readonly #messages = new Subject<MessageDelivery>();
  readonly #events = new Subject<EventDelivery['action']>();
  readonly #gaps = new Subject<Gap>();
  readonly #connected = new Subject<Connected>();
  #pipeline = new Pipeline<Incoming>([], (delivery) => this.#deliver(delivery));

  constructor(host: DeliveriesHost) {
    const { logger } = host;
    this.#host = host;
    this.status$ = new GuardedObservable(this.#statuses, logger);
    this.messages$ = new GuardedObservable(this.#messages, logger);
    this.events$ = new GuardedObservable(this.#events, logger);
    this.gaps$ = new GuardedObservable(this.#gaps, logger);
    this.connected$ = new GuardedObservable(this.#connected, logger);
    this.subscribers = new Subscribers(logger, host.changed);
  }

  get status(): ClientStatus {
    return this.#statuses.value;
  }

  /** Puts the plugins' operators in the way. */
  through(operators: readonly IncomingOperator[]): void {
    const failed = (cause: unknown) => this.#host.logger.error('a plugin failed on what came', { cause });
    this.#pipeline = new Pipeline(
      operators.map((operator) => guarded(operator, failed)),
      (delivery) => this.#deliver(delivery),
    );
  }

  push(delivery: Incoming): void {
    this.#pipeline.push(delivery);
  }

  connected(connected: Connected): void {
    this.#connected.next(connected);
  }

  gap(gap: Gap): void {
    this.#gaps.next(gap);
  }

  /** This client's own status; nobody is told of what is so already. */
  setStatus(change: Partial<StatusChange> & { readonly status: ClientStatus }): void {
    const { timers, userId } = this.#host;
    const previousStatus = this.status;
    if (change.status === previousStatus) return;
    this.#statuses.next(change.status);
    // Whoever was told may have changed it, and said so.
    if (this.status !== change.status) return;
    this.#tellEvent({ at: timers.now(), userId, ...change, type: 'STATUS_CHANGE', previousStatus });
  }

  end(): void {
    for (const subject of [this.#statuses, this.#messages, this.#events, this.#gaps, this.#connected])
      subject.complete();
  }

  #deliver(delivery: Incoming): void {
    const { kind, action } = delivery;
    if (kind === 'publication') this.#host.published(delivery.publication);
    else if (kind === 'message') {
      this.#messages.next(delivery);
      this.subscribers.tell(action.type, action, delivery);
    } else if (isStatusOf(action, this.#host.userId)) this.setStatus(action);
    else this.#tellEvent(action);
  }

  #tellEvent(action: EventDelivery['action']): void {
    this.#events.next(action);
    this.subscribers.tell(action.type, action, { kind: 'event', action });
  }
}

/** The user's status is this client's; that of another user is an event like any other. */
function isStatusOf(action: EventDelivery['action'], userId: string): action is StatusChange {
  return action.type === 'STATUS_CHANGE' && 'userId' in action && action.userId === userId;
}
