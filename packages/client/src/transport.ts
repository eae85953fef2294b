/** How a client reaches its server: moves texts, and reports the end. A port; WebSocket is what comes with it. */
export interface ClientTransport {
  readonly name: string;
  /**
   * Begins to open a connection.
   * @throws where that cannot be tried; the client treats it as a connection that was lost.
   */
  open(url: string, events: ClientConnectionEvents): ClientConnection;
}

/**
 * What a transport tells of a connection: `opened` once, then any number of `received`, `closed` once and last. It tells
 * nothing before `open` has returned.
 */
export interface ClientConnectionEvents {
  opened(): void;
  /** One frame's text. */
  received(text: string): void;
  /** Codes are WebSocket's and PROTOCOL.md's; 1006 where nobody said why. */
  closed(code: number, reason: string): void;
}

export interface ClientConnection {
  /** Ignored once closed. */
  send(text: string): void;
  /** Says so to the server, and then ends. */
  close(code: number, reason: string): void;
  /** Ends without waiting for anybody: the link is dead. */
  drop(): void;
}
