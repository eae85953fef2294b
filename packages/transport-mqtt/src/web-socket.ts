import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import type { Peer } from '@callboard/core';
import { type WebSocket, WebSocketServer } from 'ws';
import { Device, type Gate } from './device.ts';

/** Devices, and pages with a library for MQTT, over WebSocket (section 6), on the server's own HTTP port. */
export class WebSocketFront {
  readonly #gate: Gate;
  readonly #server: WebSocketServer;

  constructor(gate: Gate, path: string) {
    this.#gate = gate;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: true,
      perMessageDeflate: false,
      // One may have several control packets [MQTT-6.0.0-2].
      maxPayload: 2 * gate.limits.maxPacketBytes,
      handleProtocols: () => SUBPROTOCOL,
    });
    gate.host.onUpgrade(path, (request, socket, head, peer) => this.#upgrade(request, socket, head, peer));
  }

  stop(): void {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, peer: Peer): void {
    // [MQTT-6.0.0-3]
    if (!offers(request, SUBPROTOCOL)) return void socket.end(notOffered, () => socket.destroy());
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      new Device(this.#gate, new WebSocketDuplex(webSocket), peer);
    });
  }
}

/** [MQTT-6.0.0-4] */
const SUBPROTOCOL = 'mqtt';
const notOffered = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

function offers({ headers }: IncomingMessage, subprotocol: string): boolean {
  const offered = headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((each) => each.trim() === subprotocol);
}

/** A WebSocket as bytes: packets may be cut into messages in any way [MQTT-6.0.0-2]. */
class WebSocketDuplex extends Duplex {
  readonly #webSocket: WebSocket;

  constructor(webSocket: WebSocket) {
    super();
    this.#webSocket = webSocket;
    const came = (data: Buffer, isBinary: boolean) => {
      if (isBinary) return void (this.push(data) || webSocket.pause());
      // [MQTT-6.0.0-1]
      webSocket.off('message', came);
      webSocket.close(UNSUPPORTED_DATA);
    };
    webSocket.on('message', came);
    // ws closes by itself, with the code that fits (1002, 1009); the close event follows.
    webSocket.on('error', () => {});
    // What came before is read yet: a DISCONNECT may be in it.
    webSocket.on('close', () => {
      this.push(null);
      this.end();
    });
  }

  override _read(): void {
    this.#webSocket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#webSocket.send(chunk, { binary: true }, (error) => done(error));
  }

  override _final(done: () => void): void {
    this.#webSocket.close(NORMAL);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#webSocket.terminate();
    done(error);
  }
}

const NORMAL = 1000;
const UNSUPPORTED_DATA = 1003;
