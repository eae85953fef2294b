import { SimulatedClock } from '@callboard/testkit';
import { beforeEach, expect, test } from '@jest/globals';
import { fallback } from './fallback.ts';
import type { ClientConnection, ClientConnectionEvents, ClientTransport } from './transport.ts';

/** A transport whose connections do what the test says. */
class Scripted implements ClientTransport {
  readonly name = 'scripted';
  readonly opens: { events: ClientConnectionEvents; calls: unknown[] }[] = [];
  /** What it throws when it is to open one. */
  broken: Error | undefined;

  open(_url: string, events: ClientConnectionEvents): ClientConnection {
    if (this.broken !== undefined) throw this.broken;
    const calls: unknown[] = [];
    this.opens.push({ events, calls });
    return {
      send: (text) => void calls.push(text),
      close: (code, reason) => void calls.push(['close', code, reason]),
      drop: () => void calls.push('drop'),
    };
  }

  get last() {
    return this.opens.at(-1) as (typeof this.opens)[number];
  }

  get events(): ClientConnectionEvents {
    return this.last.events;
  }
}

let clock: SimulatedClock;
let socket: Scripted;
let http: Scripted;
let loads: number;
let loadable: boolean;
let transport: ClientTransport;
let told: unknown[];
let connection: ClientConnection;
/** What a page keeps over its reloads. */
let stored: Map<string, string>;
const memory = {
  getItem: (key: string) => stored.get(key) ?? null,
  setItem: (key: string, value: string) => void stored.set(key, value),
  removeItem: (key: string) => void stored.delete(key),
};
beforeEach(() => {
  stored = new Map();
  clock = new SimulatedClock();
  socket = new Scripted();
  http = new Scripted();
  loads = 0;
  loadable = true;
  transport = make();
});

const make = () =>
  fallback({
    timers: clock,
    first: socket,
    memory,
    second: async () => {
      loads++;
      if (!loadable) throw new Error('not to be had');
      return http;
    },
  });

function open(): void {
  told = [];
  const mine = told;
  connection = transport.open('ws://127.0.0.1:1/callboard', {
    opened: () => void mine.push('opened'),
    received: (text) => void mine.push(text),
    closed: (code, reason) => void mine.push([code, reason]),
  });
}

type Ending = [code: number, reason: string];
const refused: Ending = [1006, ''];
/** The WebSocket does not open, and HTTP does. */
async function fallen(): Promise<void> {
  open();
  socket.events.closed(...refused);
  await clock.settle();
  http.events.opened();
}

test('a WebSocket that opens is all there is', async () => {
  open();
  socket.events.opened();
  socket.events.received('1');
  connection.send('2');
  connection.close(1000, 'bye');
  socket.events.closed(1000, 'bye');
  await clock.settle();
  expect(told).toEqual(['opened', '1', [1000, 'bye']]);
  expect(socket.last.calls).toEqual(['2', ['close', 1000, 'bye']]);
  expect([loads, clock.pendingTimers]).toEqual([0, 0]);
});

test('where it does not open, HTTP is loaded and takes over', async () => {
  await fallen();
  http.events.received('1');
  connection.send('2');
  connection.drop();
  http.events.closed(1006, '');
  expect(told).toEqual(['opened', '1', [1006, '']]);
  expect([http.last.calls, socket.last.calls]).toEqual([['2', 'drop'], []]);
  expect([loads, clock.pendingTimers]).toEqual([1, 0]);
});

test('where there is no WebSocket at all, too', async () => {
  socket.broken = new TypeError('WebSocket is not a constructor');
  open();
  await clock.settle();
  http.events.opened();
  expect(told).toEqual(['opened']);
});

test('where nothing answers for five seconds, too; what it says later is not heard', async () => {
  open();
  clock.advance(4_999);
  expect(socket.last.calls).toEqual([]);
  clock.advance(1);
  expect(socket.last.calls).toEqual(['drop']);
  socket.events.closed(...refused);
  await clock.settle();
  socket.events.opened();
  http.events.opened();
  socket.events.received('late');
  socket.events.closed(1006, 'late');
  http.events.received('1');
  expect([told, http.opens.length]).toEqual([['opened', '1'], 1]);
});

test('HTTP is remembered for five minutes, then WebSocket is tried again', async () => {
  await fallen();
  http.events.closed(1006, '');
  clock.advance(299_999);
  open();
  await clock.settle();
  http.events.opened();
  expect([socket.opens.length, http.opens.length, told]).toEqual([1, 2, ['opened']]);
  http.events.closed(3000, 'SERVER_SHUTDOWN');
  expect(told).toEqual(['opened', [3000, 'SERVER_SHUTDOWN']]);
  clock.advance(1);
  open();
  socket.events.opened();
  expect([socket.opens.length, http.opens.length, told]).toEqual([2, 2, ['opened']]);
});

test('HTTP is remembered over a reload of the page, for as long, and for that server', async () => {
  await fallen();
  transport = make();
  open();
  await clock.settle();
  http.events.opened();
  expect([socket.opens.length, http.opens.length, told]).toEqual([1, 2, ['opened']]);
  transport.open('ws://127.0.0.1:2/callboard', { opened() {}, received() {}, closed() {} });
  expect(socket.opens.length).toBe(2);
  clock.advance(300_000);
  transport = make();
  open();
  expect(socket.opens.length).toBe(3);
});

test('what is remembered by a clock that was fast does not last', async () => {
  await fallen();
  for (const key of stored.keys()) stored.set(key, String(clock.now() + 10 ** 9));
  transport = make();
  open();
  expect(socket.opens.length).toBe(2);
});

test('without anything to store it in it is remembered by the client', async () => {
  // As in Node.js, and in a page that may not store anything.
  expect(() => sessionStorage).toThrow();
  transport = fallback({ timers: clock, first: socket, second: async () => http });
  await fallen();
  open();
  expect(socket.opens.length).toBe(1);
});

test('HTTP that does not open any more is forgotten at once', async () => {
  await fallen();
  http.events.closed(1006, '');
  open();
  await clock.settle();
  http.events.closed(1006, '');
  expect([told, socket.opens.length]).toEqual([[[1006, '']], 1]);
  open();
  expect(socket.opens.length).toBe(2);
});

test.each<[Ending, Ending, Ending]>([
  // The proxy refused the one, and the server has not the other: the first one's word.
  [
    [1002, 'HTTP 400'],
    [1002, 'HTTP 404'],
    [1002, 'HTTP 400'],
  ],
  [
    [1006, ''],
    [1002, 'HTTP 404'],
    [1006, ''],
  ],
  // The server says no, whatever the proxy said.
  [
    [1006, ''],
    [1002, 'ORIGIN_REFUSED'],
    [1002, 'ORIGIN_REFUSED'],
  ],
  [
    [1002, 'HTTP 403'],
    [1002, 'ORIGIN_REFUSED'],
    [1002, 'ORIGIN_REFUSED'],
  ],
  // Perhaps later.
  [
    [1002, 'HTTP 400'],
    [1006, ''],
    [1006, ''],
  ],
])('WebSocket ends with %j, HTTP with %j: %j', async (first, second, ending) => {
  open();
  socket.events.closed(...first);
  await clock.settle();
  http.events.closed(...second);
  expect(told).toEqual([ending]);
});

test('where HTTP cannot be loaded it is tried again the next time', async () => {
  loadable = false;
  open();
  socket.events.closed(1002, 'HTTP 400');
  await clock.settle();
  expect(told).toEqual([[1002, 'HTTP 400']]);
  loadable = true;
  await fallen();
  expect([told, loads]).toEqual([['opened'], 2]);
});

test('a WebSocket that has worked may fail twice before HTTP is tried', async () => {
  open();
  socket.events.opened();
  socket.events.closed(1006, '');
  for (let i = 0; i < 2; i++) {
    open();
    socket.events.closed(...refused);
    expect(told).toEqual([[1006, '']]);
  }
  expect(loads).toBe(0);
  await fallen();
  expect(told).toEqual(['opened']);
});

test.each(['close', 'drop'] as const)('%s while the WebSocket opens: HTTP is not tried', async (how) => {
  open();
  if (how === 'close') connection.close(1000, '');
  else connection.drop();
  socket.events.closed(1006, '');
  await clock.settle();
  clock.advance(10_000);
  await clock.settle();
  expect([told, loads, clock.pendingTimers]).toEqual([[[1006, '']], 0, 0]);
});

test('close while HTTP is loaded: it is not opened', async () => {
  open();
  socket.events.closed(...refused);
  connection.close(1000, '');
  expect(told).toEqual([]);
  await clock.settle();
  expect([told, http.opens.length]).toEqual([[[1006, '']], 0]);
});
