/**
 * A client's end of one connection, of any kind: what `TestClient` and `transportSuite` stand on. The test kit brings
 * one in memory; for a real one wrap what connects there (a WebSocket, say) in a few lines.
 */
export interface ClientWire {
  /** Sends one frame's text. Ignored once closed. */
  send(text: string): void;
  /** Gets each frame's text, in order. Set before any arrives; there is one listener. */
  onFrame(listener: (text: string) => void): void;
  /** Called once, whoever ended it; after the last frame. 1006: without a word. There is one listener. */
  onClose(listener: (code: number, reason: string) => void): void;
  /** Ends it cleanly. Default code: 1000, which gives up the session. */
  close(code?: number, reason?: string): void;
  /** Ends it without a word, as a lost link does: 1006 at both ends. */
  cut(): void;
  /** Stops reading, where the wire can: what the server writes waits there. */
  freeze?(): void;
  /** Reads on. */
  thaw?(): void;
}

/** How a connection ended. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}
