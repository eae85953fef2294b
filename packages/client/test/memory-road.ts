import type { Harness, MemoryWire } from '@callboard/testkit';
import type { ClientTransport } from '../src/index.ts';

/** A client's transport to a server of the test kit, in memory. */
export class MemoryRoad implements ClientTransport {
  readonly name = 'memory';
  /** The latest connection. */
  wire: MemoryWire | undefined;
  readonly #harness: Pick<Harness, 'clock' | 'transport'>;

  constructor(harness: Pick<Harness, 'clock' | 'transport'>) {
    this.#harness = harness;
  }

  open(...[, events]: Parameters<ClientTransport['open']>): ReturnType<ClientTransport['open']> {
    const { clock, transport } = this.#harness;
    const wire = transport.connect();
    this.wire = wire;
    wire.onFrame((text) => events.received(text));
    wire.onClose((code, reason) => events.closed(code, reason));
    clock.endOfTurn(() => {
      if (wire.closed === undefined) events.opened();
    });
    return {
      send: (text) => wire.send(text),
      close: (code, reason) => wire.close(code, reason),
      drop: () => wire.cut(),
    };
  }
}
