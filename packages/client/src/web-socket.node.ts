import { WebSocket as Ws } from 'ws';

/**
 * That of ws, also where Node has one of its own: Node's hides by which status an upgrade was refused, cannot drop a dead
 * link, and in version 22 never says that a connection could not be opened.
 */
export const WebSocket = Ws as unknown as typeof globalThis.WebSocket;
