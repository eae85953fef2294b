import { WebSocket as Ws } from 'ws';

/** Node's own where there is one (from version 22 on), else the one of ws. */
export const WebSocket = globalThis.WebSocket ?? (Ws as unknown as typeof globalThis.WebSocket);
