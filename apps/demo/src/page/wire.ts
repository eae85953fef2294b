import type {
  AnyAction,
  ClientFrame,
  ConnectedFrame,
  DisconnectFrame,
  GapFrame,
  MessageFrame,
  Position,
  RequestFrame,
  ServerFrame,
} from '@callboard/protocol';
import { comesBack, waitMs } from './coming-back.ts';
import { type Answer, type Body, Requests } from './requests.ts';

const SUBPROTOCOL = 'callboard.v1.json';
const VERSION = 1;
const INBOX = '$inbox';
/** Any code but 1000 leaves the session to wait; a page may give 3000 and above. */
const CUT = 4000;
/** From the opening of a connection to `connected`: a little more than the server takes before it gives up. */
const CONNECT_TIMEOUT_MS = 25_000;

export type WireState =
  | { readonly name: 'connecting' }
  | { readonly name: 'online' }
  /** Comes back by itself. */
  | { readonly name: 'waiting'; readonly untilTs: number; readonly told: boolean }
  /** By hand; comes back by hand. */
  | { readonly name: 'cut' }
  /** Over, until somebody says otherwise. */
  | { readonly name: 'ended'; readonly why: string };

/** How a connection began: `before` is the client that this page was, where it was one. */
export interface Arrival {
  readonly frame: ConnectedFrame;
  readonly before: string | undefined;
  readonly awayMs: number;
}

export interface WireListener {
  onState(state: WireState): void;
  onConnected(arrival: Arrival): void;
  /** `missed`: it was sent while this client was away. */
  onMessage(frame: MessageFrame, missed: boolean): void;
  onGap(frame: GapFrame): void;
  onEvent(event: AnyAction): void;
  onFrame(direction: 'in' | 'out', frame: ServerFrame | ClientFrame): void;
  onClosed(code: number, reason: string): void;
}

interface Session {
  readonly secret: string;
  readonly clientId: string;
  /** In the inbox. It only moves forward, but for another epoch. */
  position: Position;
}

/**
 * One client of PROTOCOL.md over the browser's WebSocket. Its session is kept in this object and nowhere else: a tab
 * that is reloaded, or copied, is a client of its own.
 */
export class Wire {
  readonly #endPoint: string;
  readonly #userId: string;
  readonly #events: readonly string[];
  readonly #listener: WireListener;
  readonly #requests = new Requests();
  #state: WireState = { name: 'connecting' };
  #socket: WebSocket | undefined;
  #session: Session | undefined;
  /** Up to here messages are what was missed. */
  #recoveredAt = 0;
  #failedAttempts = 0;
  /** The last word of the server on this connection. */
  #farewell: DisconnectFrame | undefined;
  #lostAt = 0;
  #heardAt = 0;
  #silenceMs = CONNECT_TIMEOUT_MS;
  #returns: ReturnType<typeof setTimeout> | undefined;
  #falls: ReturnType<typeof setTimeout> | undefined;

  constructor(endPoint: string, userId: string, events: readonly string[], listener: WireListener) {
    this.#endPoint = endPoint;
    this.#userId = userId;
    this.#events = events;
    this.#listener = listener;
    addEventListener('online', this.#wake);
    document.addEventListener('visibilitychange', this.#wake);
  }

  get state(): WireState {
    return this.#state;
  }

  connect(): void {
    clearTimeout(this.#returns);
    this.#farewell = undefined;
    this.#become({ name: 'connecting' });
    const socket = new WebSocket(this.#endPoint, SUBPROTOCOL);
    this.#socket = socket;
    this.#silenceMs = CONNECT_TIMEOUT_MS;
    this.#heard();
    socket.onopen = () => this.#write(this.#connectFrame());
    socket.onmessage = ({ data }) => this.#received(JSON.parse(data as string) as ServerFrame);
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
  }

  /** Sends it now, or as soon as there is a connection. */
  request(body: Body): Promise<Answer> {
    const { frame, answer } = this.#requests.add(body);
    if (this.#state.name === 'online') this.#send(frame);
    else if (this.#state.name === 'ended') this.#requests.abandon();
    return answer;
  }

  /** As if somebody had pulled the plug, until `connect` is called. */
  cut(): void {
    this.#drop(CUT, 'cut by hand');
    this.#become({ name: 'cut' });
  }

  /** This client is done: 1000 ends its session too. */
  end(): void {
    removeEventListener('online', this.#wake);
    document.removeEventListener('visibilitychange', this.#wake);
    this.#drop(1000, 'done');
    this.#session = undefined;
    this.#requests.abandon();
    this.#become({ name: 'ended', why: 'You left.' });
  }

  #connectFrame(): ClientFrame {
    const connect = { op: 'connect', version: VERSION, userId: this.#userId } as const;
    if (this.#session === undefined) return connect;
    const { secret: session, position } = this.#session;
    return {
      ...connect,
      resume: { session, positions: { [INBOX]: position }, mid: this.#requests.lastWritten },
    };
  }

  #received(frame: ServerFrame): void {
    this.#listener.onFrame('in', frame);
    this.#heard();
    switch (frame.op) {
      case 'connected':
        return this.#connected(frame);
      case 'reply':
        if (frame.offset !== undefined) this.#moveTo(frame.offset);
        return this.#requests.answered(frame);
      case 'error':
        return this.#requests.answered(frame);
      case 'message':
        this.#moveTo(frame.offset);
        return this.#listener.onMessage(frame, frame.offset <= this.#recoveredAt);
      case 'gap':
        if (frame.stream === INBOX && this.#session) this.#session.position = frame.to;
        return this.#listener.onGap(frame);
      case 'event':
        return this.#listener.onEvent(frame.event);
      case 'ping':
        if (frame.offset !== undefined) this.#moveTo(frame.offset);
        return this.#write({ op: 'pong', settled: this.#requests.settled });
      case 'disconnect':
        this.#farewell = frame;
        return;
      default:
      // A later minor version may have frames that this page does not know.
    }
  }

  /** PROTOCOL.md, "What a client does after `connected`". */
  #connected(frame: ConnectedFrame): void {
    const { clientId, session: secret, resumed, streams, pingIntervalMs, pongTimeoutMs } = frame;
    const { epoch, offset } = streams[INBOX] ?? { epoch: '', offset: 0 };
    const before = this.#session;
    const position = resumed && before ? before.position : { epoch, offset };
    this.#session = { secret, clientId, position };
    this.#recoveredAt = resumed ? offset : 0;
    this.#failedAttempts = 0;
    this.#silenceMs = pingIntervalMs + pongTimeoutMs;
    this.#heard();
    this.#become({ name: 'online' });
    if (!resumed) this.#requests.forgetWritten();
    for (const open of this.#requests.open) this.#send(open);
    if (!resumed) void this.request({ op: 'subscribe', events: this.#events });
    const awayMs = before === undefined ? 0 : Date.now() - this.#lostAt;
    this.#listener.onConnected({ frame, before: before?.clientId, awayMs });
  }

  #moveTo(offset: number): void {
    const session = this.#session;
    if (session && offset > session.position.offset) session.position = { ...session.position, offset };
  }

  #lost(code: number, reason: string): void {
    const farewell = this.#farewell;
    this.#forgetSocket();
    this.#listener.onClosed(code, reason);
    if (!(farewell?.reconnect ?? comesBack(code))) {
      this.#requests.abandon();
      return this.#become({ name: 'ended', why: farewell?.reason || reason || `closed with ${code}` });
    }
    const told = farewell?.afterMs !== undefined;
    const afterMs = farewell?.afterMs ?? waitMs(this.#failedAttempts++);
    this.#returns = setTimeout(() => this.connect(), afterMs);
    this.#become({ name: 'waiting', untilTs: Date.now() + afterMs, told });
  }

  /** Does not wait for the other side to agree, which on a dead link it never would. */
  #drop(code: number, reason: string): void {
    clearTimeout(this.#returns);
    const socket = this.#socket;
    this.#forgetSocket();
    if (socket === undefined) return;
    socket.close(code, reason);
    this.#listener.onClosed(code, reason);
  }

  #forgetSocket(): void {
    clearTimeout(this.#falls);
    if (this.#state.name === 'online') this.#lostAt = Date.now();
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
  }

  /** Pings come at fixed times: whoever hears nothing for longer has lost the link, whatever the socket says. */
  #heard(): void {
    this.#heardAt = Date.now();
    clearTimeout(this.#falls);
    this.#falls = setTimeout(() => this.#fallSilent(), this.#silenceMs);
  }

  #fallSilent(): void {
    const socket = this.#socket;
    this.#lost(1006, 'nothing was heard');
    socket?.close(CUT, 'nothing was heard');
  }

  /** The page can be seen again, or the network is back: timers may be late, so look now. */
  readonly #wake = (): void => {
    if (document.visibilityState === 'hidden') return;
    const { name } = this.#state;
    if (name === 'waiting' && !this.#state.told) this.connect();
    else if (name === 'online' && Date.now() - this.#heardAt > this.#silenceMs) this.#fallSilent();
  };

  #send(frame: RequestFrame): void {
    this.#requests.written(frame);
    this.#write(frame);
  }

  #write(frame: ClientFrame): void {
    this.#socket?.send(JSON.stringify(frame));
    this.#listener.onFrame('out', frame);
  }

  #become(state: WireState): void {
    this.#state = state;
    this.#listener.onState(state);
  }
}
