import type { Harness } from './harness.ts';
import type { MemoryWire } from './memory-transport.ts';

type To = Pick<Harness, 'clock' | 'transport'>;

/** What a client is told of its connection. */
interface Ends {
  opened(): void;
  received(text: string): void;
  closed(code: number, reason: string): void;
}

/** A transport for `createClient`, to the server of a harness, in memory. */
export class MemoryRoad {
  readonly name = 'memory';
  /** The latest connection. */
  wire: MemoryWire | undefined;
  readonly #to: () => To;

  /** @param to where it leads, or what says so of each connection, and throws where nobody answers. */
  constructor(to: To | (() => To)) {
    this.#to = typeof to === 'function' ? to : () => to;
  }

  open(_url: string, ends: Ends) {
    const { clock, transport } = this.#to();
    const wire = transport.connect();
    this.wire = wire;
    wire.onFrame((text) => ends.received(text));
    wire.onClose((code, reason) => ends.closed(code, reason));
    clock.endOfTurn(() => {
      if (wire.closed === undefined) ends.opened();
    });
    return {
      send: (text: string) => wire.send(text),
      close: (code: number, reason: string) => wire.close(code, reason),
      drop: () => wire.cut(),
    };
  }
}
