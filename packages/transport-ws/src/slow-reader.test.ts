import type { Socket } from 'node:net';
import { disconnects } from '@callboard/protocol';
import { afterEach, expect, test } from '@jest/globals';
import { LiveClock, type SocketWire, Stage, turn, until } from '../test/support.ts';

const stage = new Stage();
afterEach(() => stage.end());

const READERS = 1_000;
const MESSAGES = 40;
const LENGTH = 4_000;
const MAX_OUTBOX_BYTES = 64 * 1024;

test('of a thousand readers one that stands still is closed alone, and the others get everything', async () => {
  const clock = new LiveClock();
  const running = await stage.serve({
    clock,
    limits: {
      maxConnectionsPerAddress: READERS + 1,
      maxConnectsPerSecond: READERS + 1,
      maxOutboxBytes: MAX_OUTBOX_BYTES,
      // What a reader comes back to must fit its outbox.
      maxInboxLength: 20_000,
    },
    handlers: {
      FILL: async ({ sendToClient }) => {
        while (served.writableLength === 0) {
          await sendToClient({ type: 'FILL', text: 'x'.repeat(50_000) });
          await turn();
        }
      },
    },
  });
  const { server } = running;

  let served!: Socket;
  server.httpServer.once('connection', (socket) => {
    served = socket;
  });
  const frozen = await running.connect('everybody');
  const readers = await Promise.all(Array.from({ length: READERS - 1 }, () => reader(() => running.wire())));
  await until(() => server.stats().clients.online === READERS, 'all readers');

  // What the kernel takes for a reader is filled first; a few frames fit the outbox.
  frozen.wire.freeze();
  frozen.call({ type: 'FILL' });
  await until(() => server.stats().requests.running === 0 && served.writableLength > 0, 'a full socket');
  expect(server.stats().disconnects).toEqual({});

  let most = 0;
  for (let n = 0; n < MESSAGES; n++) {
    await server.sendToUser('everybody', { type: 'N', n, text: 'x'.repeat(LENGTH) });
    await turn();
    most = Math.max(most, served.writableLength);
  }
  await until(() => readers.every(({ next }) => next === MESSAGES), 'all messages');

  expect(server.stats().disconnects).toEqual({ SLOW_READER: 1 });
  expect(server.stats().clients).toEqual({ online: READERS - 1, resumable: 1, connecting: 0 });
  expect(most).toBeLessThan(MAX_OUTBOX_BYTES + 60_000);
  const held = served.writableLength;
  await server.sendToUser('everybody', { type: 'N', n: MESSAGES, text: '' });
  await until(() => readers.every(({ next }) => next === MESSAGES + 1), 'one more');
  expect(served.writableLength).toBe(held);

  // It does not read the close either.
  expect(await running.connections()).toBe(READERS);
  clock.advance(5_000);
  await until(() => served.destroyed, 'the end of the socket');
  expect(readers.every(({ wire }) => wire.webSocket.readyState === wire.webSocket.OPEN)).toBe(true);

  // Back, it gets what is still there of what it missed, and is told of the rest.
  frozen.wire.thaw();
  await until(() => frozen.closed !== undefined, 'its own end');
  expect([1006, disconnects.SLOW_READER]).toContain(frozen.closed?.code);
  expect(await frozen.resume()).toMatchObject({ resumed: true });
  await until(() => frozen.position?.offset === readers[0]?.offset, 'all that it missed');
  expect(frozen.frames.filter(({ op }) => op === 'gap')).toMatchObject([{ reason: 'evicted' }]);
  for (const { wire } of readers) wire.cut();
}, 60_000);

interface Reader {
  readonly wire: SocketWire;
  /** The number of the next message. */
  next: number;
  offset: number;
}

/** One that reads and keeps nothing. */
async function reader(open: () => Promise<SocketWire>): Promise<Reader> {
  const wire = await open();
  const made: Reader = { wire, next: 0, offset: 0 };
  wire.onFrame((text) => {
    const message = /^\{"op":"message","offset":(\d+),"action":\{"type":"N","n":(\d+),/.exec(text);
    if (message === null) return;
    if (Number(message[2]) !== made.next++) throw new Error(`${text} is out of order`);
    made.offset = Number(message[1]);
  });
  wire.send('{"op":"connect","version":1,"userId":"everybody"}');
  return made;
}
