import { SUBPROTOCOL } from '@callboard/protocol';
import { WebSocket } from '#web-socket';
import type { ClientTransport } from './transport.ts';

/** WebSocket: the platform's own, or that of ws. */
export function webSocket(): ClientTransport {
  return {
    name: 'websocket',
    open(url, events) {
      const socket: WebSocket & { terminate?(): void } = new WebSocket(url, SUBPROTOCOL);
      let refused = '';
      socket.onopen = () => {
        if (socket.protocol === SUBPROTOCOL) events.opened();
        else socket.close(3504, 'another protocol');
      };
      socket.onmessage = ({ data }) => {
        if (typeof data === 'string') events.received(data);
        else socket.close(3502, 'not text');
      };
      socket.onerror = (event) => {
        refused = refusal(event);
      };
      socket.onclose = ({ code, reason }) => {
        if (refused) events.closed(1002, refused);
        else events.closed(code, reason);
      };
      return {
        send(text) {
          if (socket.readyState === WebSocket.OPEN) socket.send(text);
        },
        close: (code, reason) => socket.close(code, reason),
        drop() {
          if (socket.terminate) socket.terminate();
          else socket.close();
        },
      };
    },
  };
}

/**
 * Why an upgrade was refused for good, so that coming back would not help (PROTOCOL.md, "Upgrade"): its status, or that
 * the server does not speak this protocol. Browsers do not tell the status; ws tells both in its messages.
 */
function refusal(event: unknown): string {
  const { message } = event as { readonly message?: unknown };
  if (/^Server sent (no|an invalid) subprotocol/.test(String(message))) return 'another protocol';
  const status = Number(/^Unexpected server response: (\d+)/.exec(String(message))?.[1]);
  return status < 500 && status !== 429 ? `HTTP ${status}` : '';
}
