import type { Bench } from '../scenario.ts';
import type { Connection } from './connection.ts';

/** Makes one request, resolves with the text that settles it, and leaves all else that comes to whoever listens. */
export function request(
  { dialect }: Bench,
  connection: Connection,
  encode: (mid: number) => string,
): Promise<string> {
  const mid = connection.nextMid();
  const { onText } = connection;
  return new Promise((resolve) => {
    connection.onText = (bytes, start, end) => {
      const text = bytes.toString('utf8', start, end);
      if (dialect.settled(text) !== mid) return onText(bytes, start, end);
      connection.onText = onText;
      resolve(text);
    };
    connection.write(encode(mid));
  });
}

export function subscribe(
  bench: Bench,
  connection: Connection,
  channels: readonly string[],
): Promise<string> {
  return request(bench, connection, (mid) => bench.dialect.subscribe(mid, channels));
}

export function unsubscribe(
  bench: Bench,
  connection: Connection,
  channels: readonly string[],
): Promise<string> {
  return request(bench, connection, (mid) => bench.dialect.unsubscribe(mid, channels));
}

/** As many clients, each a user of its own, who have subscribed to the channels that `channelsOf` says. */
export async function connectReaders(
  bench: Bench,
  count: number,
  channelsOf: (index: number) => readonly string[],
): Promise<Connection[]> {
  const readers = await bench.connectAll(Array.from({ length: count }, (_, i) => `u${i + 1}`));
  await Promise.all(
    readers.map((reader, i) => {
      const channels = channelsOf(i);
      return channels.length === 0 ? undefined : subscribe(bench, reader, channels);
    }),
  );
  return readers;
}
