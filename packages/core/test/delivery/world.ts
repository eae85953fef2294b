import assert from 'node:assert/strict';
import { SimulatedClock } from '@callboard/testkit';
import type { Account } from './account.ts';
import { AdversarialLog } from './adversarial-log.ts';
import { Client } from './client.ts';
import { Server } from './server.ts';
import type { Wire } from './wire.ts';

/** What can happen. Those that should happen often stand here more than once. */
export const deeds = [
  ...['connect', 'connect', 'cut', 'cut', 'notice', 'notice'],
  ...[
    'up',
    'up',
    'up',
    'up',
    'up',
    'up',
    'up',
    'up',
    'down',
    'down',
    'down',
    'down',
    'down',
    'down',
    'down',
    'down',
  ],
  ...['request', 'request', 'request', 'publish', 'publish', 'publish', 'retry', 'confirm', 'ping', 'giveUp'],
  ...[
    'log',
    'log',
    'log',
    'log',
    'log',
    'log',
    'log',
    'log',
    'log',
    'log',
    'talk',
    'talk',
    'talk',
    'drain',
    'tick',
  ],
  ...['age', 'loseLog', 'restart', 'expireSession', 'expireOutcomes', 'timeOut', 'fill', 'echo'],
] as const;

export interface Command {
  readonly deed: (typeof deeds)[number];
  readonly pick: number;
  /** 0–15; the more, the worse. */
  readonly luck: number;
}

/** What happened in all worlds: a test that saw none of it would show nothing. */
export class Stats {
  reconnects = 0;
  resumed = 0;
  halfDone = 0;
  failedResumes = 0;
  takeovers = 0;
  lateCloses = 0;
  overflows = 0;
  replayed = 0;
  restarts = 0;
  expiredSessions = 0;
  lostEpochs = 0;
  evictedGaps = 0;
  epochGaps = 0;
  sessionGaps = 0;
  joined = 0;
  answeredAgain = 0;
  timedOut = 0;
  replied = 0;
  refused = 0;
  unknown = 0;
}

/** A server, the clients of one user, what lies between them, and the log; all of it moved by commands alone. */
export class World {
  readonly clock = new SimulatedClock();
  readonly log: AdversarialLog;
  readonly stats: Stats;
  readonly wires: Wire[] = [];
  observer: Account | undefined;
  readonly #server: Server;
  readonly #clients: Client[] = [];

  private constructor(prompt: boolean, clients: number, stats: Stats) {
    this.stats = stats;
    this.log = new AdversarialLog(prompt, { maxEntries: 8, maxLength: 1_000, ttlMs: 1_000 });
    this.#server = new Server(this);
    for (let i = 1; i <= clients; i++) this.#clients.push(new Client(`client ${i}`, this));
  }

  /** @param prompt whether the log answers at once, as the one in memory does. */
  static async begin(prompt: boolean, clients: number, stats: Stats): Promise<World> {
    const world = new World(prompt, clients, stats);
    await world.#drainLog();
    for (const client of world.#clients) client.connect();
    return world;
  }

  async run(commands: readonly Command[]): Promise<void> {
    for (const command of commands) {
      await this.#do(command);
      await turn();
    }
  }

  /** All goes well from here on, and whoever has a connection keeps it. Then the promise must have been kept. */
  async end(): Promise<void> {
    await this.#comeToRest();
    // Nobody can know yet that the stream began anew if nothing was appended since.
    if (this.log.truth.entries(this.log.truth.current).length > 0) this.#allAreAtHead();
    this.#server.publish('farewell');
    await this.#comeToRest();
    this.#allAreAtHead();
    for (const client of this.#clients) this.#requestsAreSettled(client);
    assert.equal(this.#server.readers, this.#clients.length + 1, 'the feed has readers that have left');
  }

  /** A frame arrives while readers are being called. */
  interrupt(): void {
    this.#up(0, 0);
  }

  async #comeToRest(): Promise<void> {
    for (let quiet = 0, rounds = 0; quiet < 3; rounds++) {
      assert.ok(rounds < 1_000, 'it never comes to rest');
      const before = this.log.waiting;
      await this.#drainLog();
      this.clock.advance(200);
      for (const client of this.#clients) {
        if (client.wire === undefined) client.connect();
        client.retry();
      }
      const moved = this.#deliverAll();
      await turn();
      quiet = moved + before + this.log.waiting === 0 && this.#server.ready ? quiet + 1 : 0;
    }
  }

  #allAreAtHead(): void {
    this.observer?.atHead();
    for (const { account, name } of this.#clients) {
      assert.ok(account !== undefined, `${name} never was connected`);
      account.atHead();
    }
  }

  #requestsAreSettled({ name, outcomes, pending }: Client): void {
    assert.equal(pending, 0, `${name} waits for replies that do not come`);
    const effects = new Map<string, number>();
    for (const { body } of this.log.truth.all()) effects.set(body, (effects.get(body) ?? 0) + 1);
    for (const [mid, outcome] of outcomes) {
      const count = effects.get(`${name}/${mid}`) ?? 0;
      const allowed = { replied: [1], refused: [0], unknown: [0, 1] }[outcome];
      assert.ok(allowed.includes(count), `${name}/${mid} is ${outcome}, and took effect ${count} times`);
    }
  }

  async #do({ deed, pick, luck }: Command): Promise<void> {
    const client = this.#clients[pick % this.#clients.length] as Client;
    switch (deed) {
      case 'connect':
        return client.connect();
      case 'cut':
        if (luck % 2 === 0) return client.cut();
        return client.wire && this.#server.closed(client.wire);
      case 'notice':
        return this.#notice(pick);
      case 'up':
        return this.#up(pick, luck);
      case 'down':
        return this.#down(client, luck);
      case 'request':
        return client.request(this.#selection(pick + luck, client));
      case 'publish':
        return this.#server.publish(`published ${pick}`, this.#selection(pick + luck, client));
      case 'retry':
        return client.retry();
      case 'confirm':
        return client.confirm();
      case 'ping':
        return this.#server.ping();
      case 'giveUp':
        return luck > 12 ? client.giveUp() : undefined;
      case 'log':
        // Several in one turn of the event loop: what they resolve runs interleaved.
        for (let i = 0; i <= luck % 4; i++) this.log.step(pick + i, luck);
        return;
      case 'talk':
        this.#talk(client);
        return;
      case 'drain':
        await this.#drainLog();
        this.#deliverAll();
        return;
      case 'tick':
        return this.clock.advance(luck * 20);
      case 'age':
        return this.log.age(luck * 60);
      case 'loseLog':
        // Twice at once, as well: an epoch may be over before anybody has heard of it.
        for (let i = 10; i < luck; i += 3) if (this.log.lose()) this.stats.lostEpochs++;
        return;
      case 'restart':
        if (luck < 15) return;
        this.stats.restarts++;
        return this.#server.restart();
      case 'expireSession':
        if (luck > 12 && this.#server.expireSession(pick)) this.stats.expiredSessions++;
        return;
      case 'expireOutcomes':
        return this.#server.expireOutcomes();
      case 'timeOut':
        return luck > 8 ? this.#server.timeOut(pick) : undefined;
      case 'fill':
        return client.wire && luck > 8 ? this.#server.fill(client.wire) : undefined;
      case 'echo':
        this.#server.echo = true;
        return;
    }
  }

  #selection(n: number, client: Client): { only?: string; exclude?: string } {
    if (n % 3 === 0) return {};
    const { clientId } = n % 2 === 0 ? client : (this.#clients[n % this.#clients.length] as Client);
    if (clientId === '') return {};
    return n % 3 === 1 ? { exclude: clientId } : { only: clientId };
  }

  /** Frames of any connection reach the server, of one that the client has left too. */
  #up(pick: number, luck: number): void {
    const wires = this.wires.filter((wire) => wire.serverOpen && wire.up.length > 0);
    const wire = wires[pick % wires.length];
    for (let i = 0; wire && i <= luck % 4; i++) {
      const frame = wire.up.shift();
      if (frame !== undefined) this.#server.receive(wire, frame, luck);
    }
  }

  /** All that is in flight between a client and the server arrives. */
  #talk(client: Client): number {
    const { wire } = client;
    if (wire === undefined) return 0;
    let moved = 0;
    for (let frame = wire.up.shift(); frame !== undefined; frame = wire.up.shift(), moved++)
      this.#server.receive(wire, frame, 0);
    for (; client.wire === wire && (wire.down.length > 0 || !wire.serverOpen); moved++) this.#down(client, 0);
    return moved;
  }

  #down(client: Client, luck: number): void {
    const { wire } = client;
    for (let i = 0; wire && i <= luck % 4; i++) {
      const frame = wire.down.shift();
      if (frame !== undefined) client.receive(frame);
      else if (!wire.serverOpen) return client.cut();
    }
  }

  /** The server learns of a connection that the client has left. */
  #notice(pick: number): void {
    const wires = this.wires.filter((wire) => wire.serverOpen && !wire.clientOpen);
    const wire = wires[pick % wires.length];
    if (wire === undefined) return;
    if (this.#clients.some((client) => client.name === wire.name && client.wire !== undefined))
      this.stats.lateCloses++;
    this.#server.closed(wire);
  }

  #deliverAll(): number {
    let moved = 0;
    for (let i = this.wires.length; i > 0; i--) this.#notice(0);
    this.wires.splice(
      0,
      this.wires.length,
      ...this.wires.filter((wire) => wire.serverOpen || wire.clientOpen),
    );
    for (const client of this.#clients) moved += this.#talk(client);
    return moved;
  }

  async #drainLog(): Promise<void> {
    do {
      while (this.log.waiting > 0) this.log.step(0, 0);
      await turn();
    } while (this.log.waiting > 0);
  }
}

/** What was resolved runs. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
