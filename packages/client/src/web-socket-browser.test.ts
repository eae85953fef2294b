import { SUBPROTOCOL } from '@callboard/protocol';
import { beforeEach, describe, expect, jest, test } from '@jest/globals';

/** A browser's: it knows no `terminate`, and tells neither statuses nor why it failed. */
class PlatformSocket {
  static readonly OPEN = 1;
  static last: PlatformSocket;
  readonly calls: unknown[][] = [];
  readyState = 0;
  protocol = '';
  onopen: () => void = () => {};
  onmessage: (event: { data: unknown }) => void = () => {};
  onerror: (event: { type: string }) => void = () => {};
  onclose: (event: { code: number; reason: string }) => void = () => {};
  readonly args: unknown[];

  constructor(...args: unknown[]) {
    this.args = args;
    PlatformSocket.last = this;
  }

  send(...args: unknown[]): void {
    this.calls.push(['send', ...args]);
  }

  close(...args: unknown[]): void {
    this.calls.push(['close', ...args]);
  }

  opens(protocol: string): void {
    this.readyState = 1;
    this.protocol = protocol;
    this.onopen();
  }
}
jest.unstable_mockModule('#web-socket', () => ({ WebSocket: PlatformSocket }));
const { webSocket } = await import('./web-socket.ts');

let seen: unknown[];
beforeEach(() => {
  seen = [];
});

function open() {
  const end = webSocket().open('wss://app.example/callboard', {
    opened: () => void seen.push('opened'),
    received: (text) => void seen.push(text),
    closed: (code, reason) => void seen.push([code, reason]),
  });
  return { end, socket: PlatformSocket.last };
}

describe('over a browser’s WebSocket', () => {
  test('offers the subprotocol, and is open when the server takes it', () => {
    const { socket } = open();
    expect([socket.args, seen]).toEqual([['wss://app.example/callboard', SUBPROTOCOL], []]);
    socket.opens(SUBPROTOCOL);
    expect(seen).toEqual(['opened']);
  });

  test('closes for good where the server speaks another protocol', () => {
    const { socket } = open();
    socket.opens('');
    expect([seen, socket.calls]).toEqual([[], [['close', 3504, 'another protocol']]]);
    socket.onclose({ code: 3504, reason: 'another protocol' });
    expect(seen).toEqual([[3504, 'another protocol']]);
  });

  test('comes back after what a browser does not explain', () => {
    const { socket } = open();
    socket.onerror({ type: 'error' });
    socket.onclose({ code: 1006, reason: '' });
    expect(seen).toEqual([[1006, '']]);
  });

  test('closes where anything but text comes', () => {
    const { socket } = open();
    socket.opens(SUBPROTOCOL);
    socket.onmessage({ data: 'text' });
    socket.onmessage({ data: new ArrayBuffer(1) });
    expect([seen, socket.calls]).toEqual([['opened', 'text'], [['close', 3502, 'not text']]]);
  });

  test('writes while it is open, and not before or after', () => {
    const { end, socket } = open();
    end.send('early');
    socket.opens(SUBPROTOCOL);
    end.send('text');
    socket.readyState = 2;
    end.send('late');
    expect(socket.calls).toEqual([['send', 'text']]);
  });

  test('closes with what it is given, and drops as well as a browser can', () => {
    const { end, socket } = open();
    end.close(1000, 'bye');
    end.drop();
    expect(socket.calls).toEqual([['close', 1000, 'bye'], ['close']]);
  });
});
