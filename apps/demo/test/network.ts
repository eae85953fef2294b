import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';

/** A network between a page and its server, which can break as real ones do: without a word to either. */
export class Network {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #swallows = false;
  #broken = false;

  private constructor(port: number) {
    this.#server = createTcpServer((near) => {
      this.#keep(near);
      if (this.#broken) {
        near.destroy();
        return;
      }
      const far = connect(port, '127.0.0.1');
      this.#keep(far);
      near.pipe(far);
      far.on('data', (bytes) => this.#swallows || near.write(bytes));
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const)
        one.on('close', () => other.destroy());
    });
  }

  static async to(port: number): Promise<Network> {
    const network = new Network(port);
    await new Promise<void>((resolve) => void network.#server.listen(0, '127.0.0.1', resolve));
    return network;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What the server says gets lost; what the page says arrives. */
  swallowAnswers(): void {
    this.#swallows = true;
  }

  cut(): void {
    this.#broken = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#broken = false;
    this.#swallows = false;
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => void this.#server.close(() => resolve()));
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
