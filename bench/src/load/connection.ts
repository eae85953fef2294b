import { connect as connectTcp, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Dialect, Session } from './dialect.ts';
import { encodeFrame, FrameReader, opcodes } from './frames.ts';

export interface Target {
  readonly port: number;
  readonly tls: boolean;
  readonly dialect: Dialect;
  readonly userId: string;
  /** What it goes on with, where it comes back. */
  readonly session?: Session;
  /** Takes texts from the beginning. */
  readonly onText?: OnText;
}

/** Takes a text frame: `bytes` from `start` to `end`, valid during the call only. */
export type OnText = (bytes: Buffer, start: number, end: number) => void;

/** One authenticated client over a raw socket. It answers pings by itself and leaves all else to `onText`. */
export interface Connection {
  onText: OnText;
  /** If the server may close it; otherwise its closing ends the run. */
  mayClose: boolean;
  /** The text that made it ready. */
  readonly welcome: string;
  /** Read and written since it was opened. */
  readonly bytes: number;
  /** The next request's number. */
  nextMid(): number;
  /** All in one write to the socket. */
  write(...texts: readonly string[]): void;
  /** Stops reading, so that the server can write no more once the buffers in between are full. */
  freeze(): void;
  /** The closing handshake; resolves when the socket is gone. */
  close(): Promise<void>;
  /** Goes away without a word. */
  drop(): void;
}

/** Opens a socket, upgrades it and authenticates. Rejects if the server refuses. */
export function openConnection({ port, tls, dialect, userId, session, onText }: Target): Promise<Connection> {
  return new Promise((resolve, reject) => {
    let head: Buffer | undefined = Buffer.alloc(0);
    let ready = false;
    let mid = 0;
    let welcome = '';
    let whenClosed: () => void = () => {};
    const socket = openSocket(port, tls, (chunk, length) => {
      if (head) readHead(chunk.subarray(0, length));
      else reader.read(chunk, length);
    });
    const reader = new FrameReader((opcode, bytes, start, end) => {
      if (opcode === opcodes.text) receive(bytes, start, end);
      else if (opcode === opcodes.ping) writeFrame(opcodes.pong, bytes.subarray(start, end));
      else if (opcode === opcodes.close) {
        if (!connection.mayClose)
          fail(`closed it with code ${end - start > 1 ? bytes.readUInt16BE(start) : 'none'}`);
        socket.end();
      } else if (opcode !== opcodes.pong) fail(`sent a frame with opcode ${opcode}`);
    });
    const connection: Connection = {
      onText: onText ?? (() => {}),
      mayClose: false,
      get welcome() {
        return welcome;
      },
      get bytes() {
        return socket.bytesRead + socket.bytesWritten;
      },
      nextMid: () => ++mid,
      write: (...texts) => {
        socket.write(Buffer.concat(texts.map((text) => encodeFrame(opcodes.text, Buffer.from(text)))));
      },
      freeze: () => {
        socket.pause();
      },
      close: () => {
        connection.mayClose = true;
        return new Promise((closed) => {
          whenClosed = closed;
          writeFrame(opcodes.close, Buffer.from([0x03, 0xe8]));
        });
      },
      drop: () => {
        connection.mayClose = true;
        socket.destroy();
      },
    };

    socket.on('error', (error) => connection.mayClose || fail(`failed: ${error.message}`));
    socket.on('close', () => {
      if (!connection.mayClose) fail('dropped it');
      whenClosed();
    });
    socket.write(upgradeRequest(dialect));

    function readHead(chunk: Buffer): void {
      head = Buffer.concat([head ?? chunk, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const response = head.toString('latin1', 0, end);
      const rest = head.subarray(end + 4);
      head = undefined;
      if (!response.startsWith('HTTP/1.1 101 ')) {
        fail(`refused the upgrade: ${response.split('\r\n')[0]}`);
        return;
      }
      const greeting = dialect.greeting(userId, session);
      if (greeting !== undefined) connection.write(greeting);
      if (rest.length > 0) reader.read(rest);
    }

    function receive(bytes: Buffer, start: number, end: number): void {
      if (!ready && shakeHands(bytes.toString('utf8', start, end))) return;
      // Pings are short: what is longer need not be decoded to know that it is none.
      const pong = end - start < 32 ? dialect.pong(bytes.toString('utf8', start, end)) : undefined;
      if (pong === undefined) connection.onText(bytes, start, end);
      else connection.write(pong);
    }

    /** Whether it was part of the handshake. */
    function shakeHands(text: string): boolean {
      try {
        const answer = dialect.shakeHands(text, userId, session);
        if (answer === 'ready') {
          ready = true;
          welcome = text;
          resolve(connection);
        } else if (answer !== undefined) connection.write(answer);
        return answer !== undefined;
      } catch (error) {
        fail(`did not connect it: ${error instanceof Error ? error.message : error}`);
        return true;
      }
    }

    function writeFrame(opcode: number, payload: Buffer): void {
      socket.write(encodeFrame(opcode, payload));
    }

    /** Before the connection is ready its opener hears of it; later nobody does, so it ends the run. */
    function fail(what: string): void {
      connection.mayClose = true;
      socket.destroy();
      const error = new Error(`Connection of user ${userId}: the server ${what}`);
      if (ready) throw error;
      reject(error);
    }
  });
}

/** One for all sockets: what is read is used up before the next socket is read. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);

function openSocket(port: number, tls: boolean, onChunk: (chunk: Buffer, length: number) => void): Socket {
  const onread: OnReadOpts = {
    buffer: readBuffer,
    callback: (length) => {
      onChunk(readBuffer, length);
      return true;
    },
  };
  const options = { host: '127.0.0.1', port, onread };
  const socket = tls ? connectTls({ ...options, rejectUnauthorized: false }) : connectTcp(options);
  return socket.setNoDelay(true);
}

function upgradeRequest({ path, subprotocol }: Dialect): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  if (subprotocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${subprotocol}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
