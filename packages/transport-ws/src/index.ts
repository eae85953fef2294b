export { type WebSocketTransport, type WebSocketTransportOptions, webSocketTransport } from './transport.ts';
