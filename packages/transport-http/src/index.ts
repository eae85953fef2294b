export { type HttpTransportOptions, httpTransport } from './transport.ts';
