import {
  type ActivityFrame,
  type ConnectedFrame,
  type ConnectFrame,
  Disconnect,
  disconnects,
  encodeFrame,
  INBOX,
  type MessageFrame,
  type PongFrame,
  PROTOCOL_VERSION,
  type ServerFrame,
} from '@callboard/protocol';
import {
  type ActorView,
  actorClock,
  actorView,
  guardedInspect,
  type Logger,
  type Timers,
} from '@callboard/runtime';
import { type Actor, createActor, type SnapshotFrom, type Subscription } from 'xstate';
import type { Channels } from './channels.ts';
import type { Credentials } from './credentials.ts';
import type { Deliveries } from './deliveries.ts';
import { Link } from './link.ts';
import { type ConnectionSnapshot, type ConnectionState, connectionMachine } from './machine.ts';
import type { NativeEvents } from './native-events.ts';
import type { ClientOptions } from './options.ts';
import type { Requests } from './requests.ts';
import { Session } from './session.ts';
import type { ClientTransport } from './transport.ts';

/** What a connection stands on, and whom it feeds. */
export interface ConnectionParts {
  readonly userId: string;
  readonly url: string;
  readonly transport: ClientTransport;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly options: Pick<ClientOptions, 'backoff' | 'random' | 'inspect' | 'device'>;
  readonly credentials: Credentials;
  readonly requests: Requests;
  readonly events: NativeEvents;
  readonly channels: Channels;
  readonly deliveries: Deliveries;
}

/** One connection after another: the machine decides, links come and go, the session stays. */
export class Connection {
  readonly view: ActorView<ConnectionSnapshot>;
  readonly #parts: ConnectionParts;
  readonly #session = new Session();
  readonly #actor: Actor<typeof connectionMachine>;
  #link: Link | undefined;
  #state: ConnectionState = 'connecting';
  #activity: ActivityFrame['state'] | undefined;
  /** What the server was told of that. */
  #toldActivity: ActivityFrame['state'] | undefined;
  /** The first frame of the latest connection. */
  #hello = '';
  /** Closed by the application, for good. */
  #over = false;

  constructor(parts: ConnectionParts) {
    const { options, timers, logger } = parts;
    const { backoff, random = Math.random, inspect } = options;
    this.#parts = parts;
    const machine = connectionMachine.provide({
      actions: {
        open: () => this.#open(),
        drop: () => this.#link?.drop(),
        probe: () => this.#link?.probe(() => parts.events.probe()),
      },
    });
    this.#actor = createActor(machine, {
      input: { minMs: backoff?.minMs ?? 500, maxMs: backoff?.maxMs ?? 20_000, random },
      clock: actorClock(timers),
      ...(inspect && { inspect: guardedInspect(inspect, logger) }),
    });
    this.view = actorView(this.#actor, logger) as ActorView<unknown> as typeof this.view;
    this.#actor.subscribe(({ value }) => this.#moved(value as ConnectionState));
  }

  get clientId(): string | undefined {
    return this.#session.clientId;
  }

  get isOnline(): boolean {
    return this.#state === 'online';
  }

  start(): void {
    this.#actor.start();
  }

  /** @throws Disconnect (rejects) where the server refuses for good, or the application has closed it. */
  connect(): Promise<void> {
    if (!this.#over) this.#actor.send({ type: 'CONNECT' });
    const connected = new Promise<void>((resolve, reject) => {
      let subscription: Subscription | undefined;
      const look = ({ value, context: { ending } }: SnapshotFrom<typeof connectionMachine>) => {
        if (value === 'online') resolve();
        else if (value === 'closed') refused(ending);
        else return;
        subscription?.unsubscribe();
      };
      const refused = ({ code, reason } = closedHere) => reject(new Disconnect(code, { reason }));
      if (this.#over) return refused();
      subscription = this.#actor.subscribe({ next: look, complete: refused });
      look(this.#actor.getSnapshot());
    });
    // Whoever does not wait for it is not to be told.
    connected.catch(() => {});
    return connected;
  }

  wake(): void {
    this.#actor.send({ type: 'WAKE' });
  }

  drop(): void {
    this.#link?.giveUp('dropped by the application');
  }

  /** Writes a frame that is encoded already. */
  write(text: string): void {
    this.#link?.write(text);
  }

  activity(state: ActivityFrame['state']): void {
    this.#activity = state;
    if (this.#state !== 'online') return;
    this.#toldActivity = state;
    this.#send({ op: 'activity', state });
  }

  /** For good. Resolves when the other side has heard it, or had time to. */
  close(): Promise<void> {
    const { timers, requests } = this.#parts;
    const link = this.#link;
    const goodbye = new Promise<void>((resolve) => {
      if (link === undefined) return resolve();
      const timer = timers.setTimeout(() => {
        link.drop();
        resolve();
      }, GOODBYE_MS);
      link.close(() => {
        timers.clearTimeout(timer);
        resolve();
      });
    });
    this.#over = true;
    this.#actor.send({ type: 'CLOSE' });
    // The machine does not get there any more where it is what told the one who closes.
    this.#moved('closed');
    requests.end();
    this.#session.forget();
    this.#actor.stop();
    return goodbye;
  }

  #open(): void {
    const { timers, transport, url, logger, credentials } = this.#parts;
    const link: Link = new Link({
      timers,
      transport,
      url,
      connectFrame: () => this.#connectFrame(),
      opened: () => this.#actor.send({ type: 'OPENED' }),
      received: (frame) => this.#received(link, frame),
      lost: (ending) => {
        // To come back with the token that has expired would be in vain.
        const final = ending.code === disconnects.TOKEN_EXPIRED && credentials.exhausted;
        this.#actor.send({ type: 'LOST', ...ending, final });
      },
      failed: (cause) => logger.warn('no connection could be opened', { cause }),
    });
    this.#link = link;
  }

  async #connectFrame(): Promise<ConnectFrame> {
    const { credentials, requests, channels, userId, options } = this.#parts;
    const token = await credentials.token();
    const resume = this.#session.resume(requests.lastWritten, channels);
    const activity = this.#activity;
    this.#toldActivity = activity;
    const frame: ConnectFrame = {
      op: 'connect',
      version: PROTOCOL_VERSION,
      userId,
      ...(token !== undefined && { token }),
      ...(options.device !== undefined && { device: options.device }),
      ...(activity !== undefined && { activity }),
      ...(resume !== undefined && { resume }),
    };
    this.#hello = encodeFrame(frame);
    return frame;
  }

  /** One switch over what the server sends. */
  #received(link: Link, frame: ServerFrame): void {
    const { requests, channels, deliveries } = this.#parts;
    switch (frame.op) {
      case 'connected':
        return this.#welcome(link, frame);
      case 'reply':
        if (!requests.answered(frame)) return link.giveUp('not a whole reply frame');
        if (frame.offset !== undefined) this.#session.moveTo(frame.offset);
        return;
      case 'error':
        requests.answered(frame);
        return;
      case 'message':
        return this.#message(frame);
      case 'publication':
        return channels.published(frame);
      case 'gap': {
        const { op: _, ...gap } = frame;
        if (frame.stream === INBOX) this.#session.skipTo(frame.to);
        else if (!channels.gap(frame)) return;
        return deliveries.gap(gap);
      }
      case 'unsubscribed':
        return channels.unsubscribed(frame);
      case 'event':
        return deliveries.push({ kind: 'event', action: frame.event });
      case 'ping':
        if (frame.offset !== undefined) this.#session.moveTo(frame.offset);
        return this.#send({ op: 'pong', settled: requests.settled });
      default:
      // A later version may have frames that this one does not know (PROTOCOL.md, "Extensibility").
    }
  }

  /** PROTOCOL.md, "What a client does after `connected`". */
  #welcome(link: Link, frame: ConnectedFrame): void {
    const { requests, events, channels, credentials, deliveries } = this.#parts;
    this.#session.welcome(frame);
    link.watch(frame.pingIntervalMs + frame.pongTimeoutMs);
    this.#actor.send({ type: 'CONNECTED' });
    // Whoever was told of that may have closed or dropped it.
    if (this.#state !== 'online') return;
    requests.begin(frame.limits, this.#session.generation, this.#hello);
    events.begin(frame.events ?? [], frame.resumed);
    channels.begin(frame.streams, frame.resumed);
    // It may have changed while the server was asked.
    if (this.#activity !== undefined && this.#activity !== this.#toldActivity) this.activity(this.#activity);
    credentials.renewBefore(frame.expiresAtMs);
    deliveries.setStatus({ status: frame.status });
    deliveries.connected({ clientId: frame.clientId, resumed: frame.resumed });
  }

  #message({ offset, action, from }: MessageFrame): void {
    if (!this.#session.takes(offset)) return;
    const recovered = this.#session.recovered(offset);
    this.#parts.deliveries.push({ kind: 'message', action, ...(from && { from }), recovered });
  }

  /** What follows from a new state. */
  #moved(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    const { requests, events, channels, credentials, deliveries } = this.#parts;
    if (state === 'connecting') return requests.reopen();
    if (state !== 'reconnecting' && state !== 'closed') return;
    events.rest();
    channels.rest();
    credentials.rest();
    if (state === 'closed') requests.close();
    else requests.interrupt();
    deliveries.setStatus({ status: 'OFFLINE' });
  }

  #send(frame: ActivityFrame | PongFrame): void {
    const text = encodeFrame(frame);
    this.#parts.requests.spend(text);
    this.write(text);
  }
}

const closedHere = { code: 1000, reason: 'closed by the application' };
/** How long a goodbye may take. */
const GOODBYE_MS = 2_000;
