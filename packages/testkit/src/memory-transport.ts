import type { Connection, ConnectionEvents, Framing, Peer, Transport, TransportHost } from '@callboard/core';
import type { ClientWire, Closed } from './wire.ts';

/** Who a memory connection says it is; all of it may be left out. */
export type MemoryPeer = Partial<Omit<Peer, 'transport'>>;

/** Connects clients within the process. */
export interface MemoryTransport extends Transport {
  /** A new connection's client end. @throws while no server has started it. */
  connect(peer?: MemoryPeer): MemoryWire;
  /** Connections that are open. */
  readonly connections: number;
}

/** The client's end of an in-memory connection. */
export interface MemoryWire extends ClientWire {
  /** Every frame's text that came, in order. */
  readonly received: readonly string[];
  /** How it ended; undefined while it is open. */
  readonly closed: Closed | undefined;
  /** Bytes that the server wrote and that have not been read, while this is frozen. */
  readonly bufferedBytes: number;
  freeze(): void;
  thaw(): void;
}

/**
 * A transport without sockets. Deterministic: what a client does reaches the server at once, what the server does
 * reaches the client at the end of the turn of the server's clock, so with a `SimulatedClock` when that is told to.
 */
export function memoryTransport({ name = 'memory' }: { readonly name?: string } = {}): MemoryTransport {
  let host: TransportHost | undefined;
  const open = new Set<MemoryLink>();
  return {
    name,
    start(given) {
      host = given;
    },
    stop() {
      host = undefined;
      for (const link of [...open]) link.terminate();
    },
    connect(peer = {}) {
      if (host === undefined) throw new Error('no server has started this transport');
      const link = new MemoryLink(host, () => open.delete(link));
      open.add(link);
      link.begin(host.accept(link, { ...anybody, ...peer, transport: name }));
      return link.wire;
    },
    get connections() {
      return open.size;
    },
  };
}

const anybody = { address: '127.0.0.1', secure: true, headers: {}, query: new URLSearchParams() };

/** A length of four bytes, then UTF-8: frames that are written in one piece come apart again. */
const framing: Framing = {
  frame(text) {
    const length = Buffer.byteLength(text);
    const bytes = Buffer.allocUnsafe(HEADER + length);
    bytes.writeUInt32BE(length);
    bytes.write(text, HEADER);
    return bytes;
  },
};
const HEADER = 4;

function* texts(bytes: Uint8Array): Generator<string> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < buffer.length; ) {
    const end = at + HEADER + buffer.readUInt32BE(at);
    yield buffer.toString('utf8', at + HEADER, end);
    at = end;
  }
}

/** Both ends of one connection: the server's is this object, the client's is `wire`. */
class MemoryLink implements Connection {
  readonly framing = framing;
  readonly wire: MemoryWire;
  readonly #host: TransportHost;
  readonly #ended: () => void;
  readonly #received: string[] = [];
  #events: ConnectionEvents | undefined;
  #onFrame: (text: string) => void = () => {};
  #onClose: (code: number, reason: string) => void = () => {};
  #queue: Uint8Array[] = [];
  #frozen = false;
  #armed = false;
  /** The server's word that it ends after what it wrote. */
  #closing: Closed | undefined;
  /** How it ended for the server. */
  #over: Closed | undefined;
  /** How it ended for the client. */
  #closed: Closed | undefined;

  constructor(host: TransportHost, ended: () => void) {
    this.#host = host;
    this.#ended = ended;
    this.wire = this.#clientEnd();
  }

  begin(events: ConnectionEvents): void {
    this.#events = events;
  }

  get bufferedBytes(): number {
    return this.#frozen ? this.#queue.reduce((sum, bytes) => sum + bytes.byteLength, 0) : 0;
  }

  write(bytes: Uint8Array): void {
    if (this.#over !== undefined || this.#closing !== undefined) return;
    this.#queue.push(bytes);
    this.#arm();
  }

  close(code: number, reason: string): void {
    this.#closing ??= { code, reason };
    this.#arm();
  }

  terminate(): void {
    if (this.#over !== undefined) return;
    this.#queue = [];
    this.#over = lost;
    this.#host.clock.endOfTurn(() => {
      this.#report(lost);
      this.#tellClient(lost);
    });
  }

  #clientEnd(): MemoryWire {
    const link = this;
    return {
      get received() {
        return link.#received;
      },
      get closed() {
        return link.#closed;
      },
      get bufferedBytes() {
        return link.bufferedBytes;
      },
      send(text) {
        if (link.#over === undefined && link.#closed === undefined)
          link.#events?.received(text, Buffer.byteLength(text));
      },
      onFrame(listener) {
        link.#onFrame = listener;
      },
      onClose(listener) {
        link.#onClose = listener;
      },
      close: (code = 1000, reason = '') => link.#endByClient({ code, reason }),
      cut: () => link.#endByClient(lost),
      freeze() {
        link.#frozen = true;
      },
      thaw() {
        link.#frozen = false;
        link.#arm();
      },
    };
  }

  /** Hands over what waits when the turn ends. */
  #arm(): void {
    if (this.#armed || this.#frozen || this.#over !== undefined) return;
    this.#armed = true;
    this.#host.clock.endOfTurn(() => {
      this.#armed = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#frozen || this.#over !== undefined) return;
    const queue = this.#queue;
    this.#queue = [];
    for (const bytes of queue) {
      for (const text of texts(bytes)) {
        if (this.#closed !== undefined) return;
        this.#received.push(text);
        this.#onFrame(text);
      }
    }
    if (this.#closing === undefined || this.#over !== undefined) return;
    this.#over = this.#closing;
    this.#report(this.#closing);
    this.#tellClient(this.#closing);
  }

  #endByClient(how: Closed): void {
    if (this.#closed !== undefined) return;
    const already = this.#over !== undefined;
    this.#over ??= how;
    this.#queue = [];
    this.#closed = how;
    if (!already) this.#report(how);
    this.#onClose(how.code, how.reason);
  }

  #report({ code, reason }: Closed): void {
    this.#ended();
    const events = this.#events;
    this.#events = undefined;
    events?.closed(code, reason);
  }

  #tellClient(how: Closed): void {
    if (this.#closed !== undefined) return;
    this.#closed = how;
    this.#onClose(how.code, how.reason);
  }
}

const lost: Closed = { code: 1006, reason: '' };
