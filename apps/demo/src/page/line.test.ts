import type { ClientConnectionEvents, ClientTransport } from '@callboard/client';
import { beforeEach, expect, test } from '@jest/globals';
import { cuttable, type Line } from './line.ts';

let log: string[];
let wire: ClientConnectionEvents;
let line: Line;

beforeEach(() => {
  log = [];
  const transport: ClientTransport = {
    name: 'a wire',
    open(url, events) {
      log.push(`open ${url}`);
      wire = events;
      return {
        send: (text) => void log.push(`send ${text}`),
        close: (code) => void log.push(`close ${code}`),
        drop: () => void log.push('drop'),
      };
    },
  };
  line = cuttable(transport);
});

const observer: ClientConnectionEvents = {
  opened: () => void log.push('opened'),
  received: (text) => void log.push(`received ${text}`),
  closed: (code, reason) => void log.push(`closed ${code} ${reason}`),
};

test('while it holds, everything goes through', () => {
  const connection = line.open('ws://x', observer);
  wire.opened();
  connection.send('a');
  wire.received('b');
  connection.close(1000, '');
  wire.closed(1000, 'bye');
  expect(log).toEqual(['open ws://x', 'opened', 'send a', 'received b', 'close 1000', 'closed 1000 bye']);
});

test('cut, the connection ends at once, and nothing is heard of it any more', () => {
  line.open('ws://x', observer);
  wire.opened();
  log.length = 0;
  line.cut();
  wire.received('late');
  wire.closed(1005, '');
  expect(log).toEqual(['drop', 'closed 1006 the line is cut']);
  expect(line.isCut).toBe(true);
});

test('a connection that is on its way is cut too', () => {
  line.open('ws://x', observer);
  line.cut();
  wire.opened();
  expect(log).toEqual(['open ws://x', 'drop', 'closed 1006 the line is cut']);
});

test('while it is cut none can be opened; mended, it can', () => {
  line.cut();
  expect(() => line.open('ws://x', observer)).toThrow('cut');
  line.mend();
  line.open('ws://x', observer);
  wire.opened();
  expect(log).toEqual(['open ws://x', 'opened']);
});

test('what has ended is not ended again by the next cut', () => {
  line.open('ws://x', observer);
  wire.closed(1006, 'lost');
  line.cut();
  expect(log).toEqual(['open ws://x', 'closed 1006 lost']);
});
