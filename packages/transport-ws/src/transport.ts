import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Connection, ConnectionEvents, Peer, Transport, TransportHost } from '@callboard/core';
import { SUBPROTOCOL } from '@callboard/protocol';
import { WebSocket, WebSocketServer } from 'ws';
import { webSocketFraming } from './framing.ts';

declare module '@callboard/core' {
  interface NativeServers {
    readonly websocket: WebSocketServer;
  }
}

export interface WebSocketTransportOptions {
  /** Where the HTTP server takes the upgrade. Default `/callboard`. */
  readonly path?: string;
}

export interface WebSocketTransport extends Transport {
  readonly native: WebSocketServer;
}

/** Browsers and other clients over WebSocket (RFC 6455), by ws. Compression is off. */
export function webSocketTransport({
  path = '/callboard',
}: WebSocketTransportOptions = {}): WebSocketTransport {
  let native = new WebSocketServer({ noServer: true });
  return {
    name: 'websocket',
    get native() {
      return native;
    },
    start(host) {
      native = new WebSocketServer({
        noServer: true,
        clientTracking: true,
        perMessageDeflate: false,
        maxPayload: host.limits.maxFrameBytes,
        handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
      });
      host.onUpgrade(path, (request, socket, head, peer) =>
        upgrade(native, host, request, socket, head, peer),
      );
    },
    stop() {
      for (const client of native.clients) client.terminate();
      native.close();
    },
  };
}

function upgrade(
  server: WebSocketServer,
  host: TransportHost,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  peer: Peer,
): void {
  server.handleUpgrade(request, socket, head, (webSocket) => {
    const events = host.accept(new WebSocketConnection(webSocket, socket), peer);
    listen(webSocket, events, host);
  });
}

function listen(webSocket: WebSocket, events: ConnectionEvents, host: TransportHost): void {
  webSocket.on('message', (data, isBinary) => {
    if (isBinary) events.malformed('a binary message');
    else events.received((data as Buffer).toString(), (data as Buffer).length);
  });
  webSocket.on('close', (code, reason) => events.closed(code, reason.toString()));
  // ws closes by itself, with the code that fits (1002, 1007, 1009); the close event follows.
  webSocket.on('error', (cause) => host.logger.debug('a WebSocket failed', { reason: cause.message }));
}

/**
 * Frames are written to the socket by ourselves, already framed, so that one buffer serves many connections and many
 * frames leave in one write. ws writes whole frames too (pong, close), so the two never mix within one. A class, as
 * closures of each connection's own are not inlined into the loop that writes to all of them.
 */
class WebSocketConnection implements Connection {
  readonly framing = webSocketFraming;
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;

  constructor(webSocket: WebSocket, socket: Duplex) {
    this.#webSocket = webSocket;
    this.#socket = socket;
  }

  write(bytes: Uint8Array): void {
    if (this.#webSocket.readyState === WebSocket.OPEN) this.#socket.write(bytes);
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  close(code: number, reason: string): void {
    this.#webSocket.close(code, reason);
  }

  terminate(): void {
    this.#webSocket.terminate();
  }
}
