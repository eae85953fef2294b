import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { Expected, Refusal } from '@callboard/core';
import { Device, type Gate } from './device.ts';
import { Handshakes } from './handshakes.ts';

/** Where devices connect, over TCP or TLS. */
export class Listener {
  readonly #gate: Gate;
  readonly #server: Server;
  /** Those whose TLS handshake is not done, too. */
  readonly #sockets = new Set<Socket>();
  /** One listener for all of them. */
  readonly #closed: (this: Socket) => void;

  constructor(gate: Gate, tls: TlsOptions | undefined) {
    const { clock, logger, limits } = gate.host;
    const sockets = this.#sockets;
    this.#gate = gate;
    this.#closed = function (this: Socket) {
      sockets.delete(this);
    };
    if (tls === undefined) {
      this.#server = createServer((socket) => {
        this.#opened(socket);
        this.#take(socket);
      });
      return;
    }
    const handshakes = new Handshakes(clock, limits.handshakeTimeoutMs, gate.limits.maxHandshakes);
    this.#server = createTlsServer(tls, (socket) => this.#take(socket, handshakes.done(socket)));
    this.#server.on('tlsClientError', (cause: Error) =>
      logger.debug('a device failed', { reason: cause.message }),
    );
    // Before it costs a handshake.
    this.#server.prependListener('connection', (socket) => {
      this.#opened(socket);
      const expected = gate.host.expect(socket);
      if ('status' in expected) this.#refuse(socket, expected);
      else handshakes.begin(socket, expected);
    });
  }

  get native(): Server {
    return this.#server;
  }

  get port(): number | undefined {
    return (this.#server.address() as AddressInfo | null)?.port;
  }

  open(port: number, host: string | undefined): Promise<void> {
    const where = host ?? (this.#gate.host.loopbackOnly ? '127.0.0.1' : undefined);
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, backlog: 1_024, ...(where !== undefined && { host: where }) }, () => {
        server.off('error', reject);
        // A connection cannot be taken, as the process has too many files: the rest goes on.
        server.on('error', (cause) => this.#gate.host.logger.error('a device cannot connect', { cause }));
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #opened(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', this.#closed);
  }

  #take(socket: Socket, expected?: Expected): void {
    if (socket.destroyed) return;
    const peer = this.#gate.host.admit(socket, expected);
    if ('status' in peer) this.#refuse(socket, peer);
    else new Device(this.#gate, socket, peer);
  }

  #refuse(socket: Socket, { code }: Refusal): void {
    this.#gate.host.logger.debug('a device was refused', { code });
    socket.destroy();
  }
}
