import {
  type ClientFrame,
  type ConnectedFrame,
  isFilter,
  type RequestFrame,
  type ServerFrame,
  type StreamState,
} from '@callboard/protocol';
import type { ClientConnection, ClientConnectionEvents, ClientTransport } from '../src/index.ts';

export interface ScriptedOptions {
  /** Whether the end is told at once where the client closes or drops; default: closed yes, dropped no. */
  readonly closesAtOnce?: boolean;
  readonly dropsAtOnce?: boolean;
}

/** A transport whose other end is the test. */
export class ScriptedTransport implements ClientTransport {
  readonly name = 'scripted';
  readonly connections: ScriptedConnection[] = [];
  /** What `open` throws, as long as it is set. */
  failure: unknown;
  readonly #options: ScriptedOptions;

  constructor(options: ScriptedOptions = {}) {
    this.#options = options;
  }

  open(url: string, events: ClientConnectionEvents): ClientConnection {
    if (this.failure !== undefined) throw this.failure;
    const connection = new ScriptedConnection(url, events, this.#options);
    this.connections.push(connection);
    return connection.end;
  }

  get last(): ScriptedConnection {
    const last = this.connections.at(-1);
    if (last === undefined) throw new Error('no connection was opened');
    return last;
  }
}

/** One connection, from the server's side. */
export class ScriptedConnection {
  readonly url: string;
  /** All that the client wrote, in order. */
  readonly texts: string[] = [];
  /** How the client closed it. */
  closed: { readonly code: number; readonly reason: string } | undefined;
  /** Whether the client dropped it. */
  dropped = false;
  readonly end: ClientConnection;
  readonly #events: ClientConnectionEvents;
  #taken = 0;

  constructor(url: string, events: ClientConnectionEvents, options: ScriptedOptions) {
    const { closesAtOnce = true, dropsAtOnce = false } = options;
    this.url = url;
    this.#events = events;
    this.end = {
      send: (text) => void this.texts.push(text),
      close: (code, reason) => {
        this.closed = { code, reason };
        if (closesAtOnce) events.closed(code, reason);
      },
      drop: () => {
        this.dropped = true;
        if (dropsAtOnce) events.closed(1006, '');
      },
    };
  }

  get frames(): ClientFrame[] {
    return this.texts.map((text) => JSON.parse(text) as ClientFrame);
  }

  /** What the client wrote since this was asked last. */
  take(): ClientFrame[] {
    const fresh = this.frames.slice(this.#taken);
    this.#taken = this.texts.length;
    return fresh;
  }

  /** Of these, the requests that carry an action. */
  takeActions(): (RequestFrame & { readonly action: { readonly type: string } })[] {
    return this.take().filter((frame) => 'action' in frame) as never;
  }

  open(): void {
    this.#events.opened();
  }

  /** A frame, or text as it is. */
  receive(frame: ServerFrame | string): void {
    this.#events.received(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** The connection ends; 1006: as a link that is lost. */
  cut(code = 1006, reason = ''): void {
    this.#events.closed(code, reason);
  }
}

export function connected(fields: Partial<ConnectedFrame> = {}): ConnectedFrame {
  return {
    op: 'connected',
    version: 1,
    clientId: 'client-1',
    userId: '44',
    session: 'secret-1',
    resumed: false,
    streams: { $inbox: { epoch: 'epoch-1', offset: 0, recovered: false } },
    status: 'ONLINE',
    pingIntervalMs: 25_000,
    pongTimeoutMs: 8_000,
    limits,
    ...fields,
  };
}

/** A server's defaults. */
export const limits = {
  maxFrameBytes: 65_536,
  maxFramesPerSecond: 500,
  maxBytesPerSecond: 1_048_576,
  maxPendingRequests: 1_024,
  maxRecipients: 1_000,
  maxChannels: 500,
  maxOutboxBytes: 1_048_576,
  resumeWindowMs: 60_000,
  requestTimeoutMs: 30_000,
};

/** What a server says of a channel, or of a filter. */
export function streamAt(name: string, offset = 0, epoch = 'epoch-1'): StreamState {
  return isFilter(name) ? { recovered: false } : { epoch, offset, recovered: false };
}

/** What a server in its right mind, whose channels are empty, replies. */
export function resultOf(frame: RequestFrame): unknown {
  if (frame.op === 'history') return { publications: [], position: streamAt(frame.channel) };
  if (frame.op !== 'subscribe' || frame.channels === undefined) return undefined;
  return { streams: Object.fromEntries(frame.channels.map((name) => [name, streamAt(name)])) };
}
