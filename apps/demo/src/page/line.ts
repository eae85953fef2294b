import type { ClientConnection, ClientConnectionEvents, ClientTransport } from '@callboard/client';

/** A transport with a plug that can be pulled. */
export interface Line extends ClientTransport {
  readonly isCut: boolean;
  /** Nothing gets through any more, either way, and no connection can be opened. */
  cut(): void;
  /** Connections can be opened again; the client comes back when it next tries. */
  mend(): void;
}

/** Cuts what goes over another transport, as a broken cable would: the other side is told nothing. */
export function cuttable(transport: ClientTransport): Line {
  let isCut = false;
  const open = new Set<() => void>();
  return {
    name: transport.name,
    get isCut() {
      return isCut;
    },
    cut() {
      isCut = true;
      for (const end of [...open]) end();
    },
    mend() {
      isCut = false;
    },
    open(url, events) {
      if (isCut) throw new Error('the line is cut');
      let live = true;
      const closed: ClientConnectionEvents['closed'] = (code, reason) => {
        if (!live) return;
        live = false;
        open.delete(end);
        events.closed(code, reason);
      };
      const end = () => {
        connection.drop();
        closed(1006, 'the line is cut');
      };
      const connection: ClientConnection = transport.open(url, {
        opened: () => live && events.opened(),
        received: (text) => live && events.received(text),
        closed,
      });
      open.add(end);
      return connection;
    },
  };
}
