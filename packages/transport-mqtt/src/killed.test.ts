import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { generate, type Packet, parser } from 'mqtt-packet';
import { connectPacket, publishPacket, subscribePacket, until } from '../test/support.ts';

/** A server with a SQLite store that is killed in the middle of traffic, and started anew. */

const ROUNDS = 4;
const WRITERS = 3;
/** Acknowledgements in a round. */
const UNTIL_KILLED = 150;
const IN_FLIGHT = 10;

let folder: string;
let server: ChildProcess;
let port: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callboard-mqtt-'));
});
afterEach(() => {
  server.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

async function start(): Promise<void> {
  const at = (name: string) => new URL(`../test/${name}`, import.meta.url).pathname;
  const loading = ['--conditions=@callboard/source', '--import', at('../../../scripts/typescript.mjs')];
  server = spawn(process.execPath, [...loading, at('doomed-server.ts'), join(folder, 'sessions.db')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(server.stdout as NodeJS.ReadableStream, 'data');
  port = Number(String(line));
}

async function kill(): Promise<void> {
  const exited = once(server, 'exit');
  server.kill('SIGKILL');
  await exited;
}

/** A connection whose device says what `heard` answers. */
async function open(clientId: string, clean: boolean, heard: (packet: Packet) => Packet[]): Promise<Socket> {
  const socket = connectTcp(port, '127.0.0.1');
  const send = (packets: Packet[]) => {
    for (const packet of packets) socket.write(generate(packet, { protocolVersion: 4 }));
  };
  const reader = parser({ protocolVersion: 4 });
  reader.on('packet', (packet) => send(heard(packet)));
  socket.on('data', (chunk: Buffer) => void reader.parse(chunk));
  socket.on('error', () => {});
  send([connectPacket(clientId, { clean })]);
  return socket;
}

/** Publishes number after number, and again what was not acknowledged when the server was killed. */
class Writer {
  readonly name: string;
  readonly acknowledged = new Set<number>();
  /** How often each was published. */
  readonly published = new Map<number, number>();
  #next = 1;
  #onItsWay: number[] = [];

  constructor(name: string) {
    this.name = name;
  }

  async connect(): Promise<void> {
    const again = this.#onItsWay;
    this.#onItsWay = [];
    await open(this.name, true, (packet) => {
      if (packet.cmd === 'puback') {
        // Its packet id is its number.
        this.acknowledged.add(packet.messageId as number);
        this.#onItsWay = this.#onItsWay.filter((number) => number !== packet.messageId);
      }
      const packets: Packet[] = [];
      while (this.#onItsWay.length < IN_FLIGHT) packets.push(this.#publish(again.shift() ?? this.#next++));
      return packets;
    });
  }

  #publish(number: number): Packet {
    this.#onItsWay.push(number);
    this.published.set(number, (this.published.get(number) ?? 0) + 1);
    return publishPacket(`a/${this.name}`, `${number}`, { qos: 1, messageId: number });
  }
}

/** Reads all, in a session of its own, and acknowledges it. */
class Reader {
  /** How often each came, in the order in which it came first. */
  readonly heard = new Map<string, number>();
  /**
   * What the server must have written down as arrived: two pings were sent and answered, one after the other, since it was acknowledged. An
   * answer may leave before what came with its ping is written.
   */
  readonly settled = new Set<string>();
  /** What came again though it was settled. */
  readonly doubled: string[] = [];
  present = false;
  #since: string[][] = [[], [], []];
  pongs = 0;

  connect(): Promise<Socket> {
    this.#since = [[], [], []];
    return open('reader', false, (packet) => {
      if (packet.cmd === 'connack') {
        this.present = packet.sessionPresent;
        return [subscribePacket(1, ['a/#', 1]), { cmd: 'pingreq' }];
      }
      if (packet.cmd === 'pingresp') {
        this.pongs++;
        const [before = [], ...last] = this.#since;
        for (const each of before) this.settled.add(each);
        this.#since = [...last, []];
        return [{ cmd: 'pingreq' }];
      }
      if (packet.cmd !== 'publish') return [];
      const message = `${packet.topic} ${packet.payload}`;
      this.heard.set(message, (this.heard.get(message) ?? 0) + 1);
      if (this.settled.has(message)) this.doubled.push(message);
      this.#since[2]?.push(message);
      return [{ cmd: 'puback', messageId: packet.messageId as number }];
    });
  }
}

test('loses nothing that it acknowledged, and doubles what QoS 1 allows', async () => {
  const reader = new Reader();
  const writers = Array.from({ length: WRITERS }, (_, i) => new Writer(`w${i}`));
  const acknowledged = () => writers.reduce((sum, each) => sum + each.acknowledged.size, 0);
  await start();
  await reader.connect();
  await until(() => reader.pongs > 0, 'its subscription');
  for (let round = 0; round < ROUNDS; round++) {
    // There in every other round, and in the middle of what it missed when the server is killed again.
    if (round > 0 && round % 2 === 0) await reader.connect();
    for (const writer of writers) await writer.connect();
    const goal = acknowledged() + UNTIL_KILLED + 37 * round;
    await until(() => acknowledged() >= goal, 'acknowledgements', 20_000);
    await kill();
    await start();
  }
  await reader.connect();
  const expected = writers.flatMap(({ name, acknowledged }) =>
    [...acknowledged].map((number) => `a/${name} ${number}`),
  );
  await until(() => expected.every((each) => reader.heard.has(each)), 'what was acknowledged', 10_000);
  const { pongs } = reader;
  await until(() => reader.pongs > pongs + 2, 'what else may come');
  expect(reader.present).toBe(true);
  // What came again, after it had arrived for certain, was published again.
  const publishedAgain = (message: string) => {
    const [, name, number] = /^a\/(\w+) (\d+)$/.exec(message) ?? [];
    const writer = writers.find((each) => each.name === name);
    return (writer?.published.get(Number(number)) ?? 0) > 1;
  };
  expect(reader.settled.size).toBeGreaterThan(0);
  expect(reader.doubled.filter((each) => !publishedAgain(each))).toEqual([]);
  // In order, as often as it came.
  for (const { name } of writers) {
    const numbers = [...reader.heard.keys()]
      .filter((each) => each.startsWith(`a/${name} `))
      .map((each) => Number(each.split(' ')[1]));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  }
}, 60_000);
