import { type Awaitable, whenReady } from '@callboard/runtime';
import { Outcomes } from '../../src/outcomes.ts';
import { Feed, type Gap, type Reader } from '../../src/streams/feed.ts';
import { AppendRefused } from '../../src/streams/log.ts';
import { Pace } from '../../src/streams/pace.ts';
import { Account } from './account.ts';
import type { Down, Up, Wire } from './wire.ts';
import type { World } from './world.ts';

interface Item {
  readonly offset: number;
  readonly body: string;
}

interface Session {
  readonly id: string;
  readonly clientId: string;
  readonly outcomes: Outcomes<Link>;
  readonly running: Set<number>;
  link: Link | undefined;
}

const STREAM = '$inbox/user';
const outcomeLimits = { maxOutcomes: 3, maxLength: 160, ttlMs: 500 };

/** The server's end of a connection: a reader of the inbox. */
class Link implements Reader<Item> {
  readonly wire: Wire;
  readonly #server: Server;
  clientId = '';
  session: Session | undefined;
  /** The last offset passed over that the client was not told of by a later message. */
  skipped: number | undefined;
  /** The next message is one too many for the outbox. */
  full = false;

  constructor(wire: Wire, server: Server) {
    this.wire = wire;
    this.#server = server;
  }

  deliver({ body }: Item, offset: number): void {
    this.skipped = undefined;
    if (this.full) return this.#server.overflowed(this);
    this.send({ op: 'message', offset, body });
  }

  skip(offset: number): void {
    this.skipped = offset;
  }

  gap({ from, to, reason }: Gap): void {
    this.skipped = undefined;
    this.send({ op: 'gap', from, to, reason });
  }

  send(frame: Down): void {
    if (this.wire.serverOpen) this.wire.down.push(frame);
  }
}

/** As little of a server as the promise needs: sessions, a feed, outcomes. */
export class Server {
  readonly #world: World;
  readonly #links = new Map<Wire, Link>();
  readonly #sessions = new Map<string, Session>();
  #feed: Feed<Item> | undefined;
  #count = 0;
  /** The application appends once more, and a frame arrives, from within the next delivery to its observer. */
  echo = false;

  constructor(world: World) {
    this.#world = world;
    this.#open();
  }

  get ready(): boolean {
    return this.#feed !== undefined;
  }

  get readers(): number {
    return this.#feed?.readers ?? 0;
  }

  /** The server process ends and another begins: what it knew of sessions is gone. */
  restart(): void {
    const feed = this.#feed;
    if (feed === undefined) return;
    for (const link of [...this.#links.values()]) this.#end(link);
    this.#feed = undefined;
    this.#sessions.clear();
    whenReady(
      () => feed.close(),
      () => this.#open(),
      fail,
    );
  }

  /** A session that waits to be resumed waited too long. Whether there was one. */
  expireSession(pick: number): boolean {
    const waiting = [...this.#sessions.values()].filter((session) => session.link === undefined);
    const session = waiting[pick % waiting.length];
    return session !== undefined && this.#sessions.delete(session.id);
  }

  expireOutcomes(): void {
    for (const { outcomes } of this.#sessions.values()) outcomes.expire(this.#world.clock.now());
  }

  /** Requests that run are given up, and settled as unknown; their answers may still come. */
  timeOut(pick: number): void {
    const sessions = [...this.#sessions.values()].filter(({ running }) => running.size > 0);
    const session = sessions[pick % sessions.length];
    if (session === undefined) return;
    for (const mid of session.running) {
      this.#settle(session, { op: 'error', mid, code: 'HANDLER_TIMEOUT', retryable: false });
      this.#world.stats.timedOut++;
    }
  }

  /** Sends the position to whoever passed over entries that are not for it. */
  ping(): void {
    for (const { link } of this.#sessions.values()) if (link !== undefined) this.#announce(link);
  }

  fill(wire: Wire): void {
    const link = this.#links.get(wire);
    if (link !== undefined) link.full = true;
  }

  /** Appends of its own accord. */
  publish(body: string, selection: { only?: string; exclude?: string } = {}): void {
    whenReady(() => this.#world.log.append(STREAM, { body, ...selection }), ignore, ignore);
  }

  receive(wire: Wire, frame: Up, luck: number): void {
    let link = this.#links.get(wire);
    if (link === undefined) {
      link = new Link(wire, this);
      this.#links.set(wire, link);
    }
    if (frame.op === 'connect') this.#connect(link, frame);
    else if (frame.op === 'pong') link.session?.outcomes.confirm(frame.settled);
    else if (link.session !== undefined) this.#call(link, link.session, frame, luck);
  }

  /** The server learns that a connection is gone, maybe long after the client. */
  closed(wire: Wire): void {
    wire.cutAtServer();
    const link = this.#links.get(wire);
    if (link !== undefined) this.#end(link);
  }

  overflowed(link: Link): void {
    this.#world.stats.overflows++;
    this.#end(link);
    this.publish('a slow reader was closed');
  }

  #open(): void {
    const { log, clock } = this.#world;
    const ready = (feed: Feed<Item>) => {
      this.#feed = feed;
      this.#observe(feed);
    };
    whenReady(
      () => Feed.open(STREAM, log, clock, ({ offset, body }): Item => ({ offset, body }), new Pace(clock)),
      ready,
      fail,
    );
  }

  /** A reader within the process, as an application's observer of the inbox is. */
  #observe(feed: Feed<Item>): void {
    const account = new Account(this.#world.log, '', feed.position);
    this.#world.observer = account;
    feed.join({
      clientId: '',
      deliver: ({ body }, offset) => {
        account.message(offset, body);
        if (!this.echo) return;
        this.echo = false;
        this.publish('echo');
        this.ping();
        this.#world.interrupt();
      },
      skip: (offset) => account.announced(offset),
      gap: (gap) => account.gap(gap),
    });
  }

  #connect(link: Link, { resume }: Up & { op: 'connect' }): void {
    const feed = this.#feed;
    if (feed === undefined) return this.#end(link);
    const known = resume && this.#sessions.get(resume.session);
    if (resume !== undefined && known !== undefined) return this.#resume(feed, link, known, resume.position);

    const id = `${++this.#count}`;
    const outcomes = new Outcomes<Link>(outcomeLimits, resume?.mid ?? 0);
    const session: Session = { id, clientId: `c${id}`, outcomes, running: new Set(), link };
    this.#sessions.set(id, session);
    link.session = session;
    link.clientId = session.clientId;
    const position = feed.join(link);
    link.send({ op: 'connected', session: id, clientId: session.clientId, resumed: false, position });
    if (resume !== undefined)
      link.gap({ stream: STREAM, from: resume.position, to: position, reason: 'session' });
  }

  #resume(feed: Feed<Item>, link: Link, session: Session, from: { epoch: string; offset: number }): void {
    if (session.link !== undefined) {
      this.#world.stats.takeovers++;
      this.#end(session.link);
    }
    session.link = link;
    link.session = session;
    link.clientId = session.clientId;
    const { id, clientId } = session;
    const recovered = (): Awaitable<void> =>
      feed.recover(link, from, ({ missed, position }) => {
        link.send({ op: 'connected', session: id, clientId, resumed: true, position });
        for (const each of missed) {
          if ('gap' in each) link.gap(each.gap);
          else link.deliver(each.item, each.offset);
        }
        link.skipped = position.offset;
        this.#world.stats.replayed += missed.length;
        if (this.echo) this.publish('resumed');
      });
    whenReady(recovered, ignore, () => {
      this.#world.stats.failedResumes++;
      this.#end(link);
    });
  }

  #call(link: Link, session: Session, frame: Up & { op: 'call' }, luck: number): void {
    const { outcomes, running } = session;
    const { mid, settled, selection } = frame;
    outcomes.confirm(settled);
    const known = outcomes.look(mid, link);
    if (known === 'unknown')
      return link.send({ op: 'error', mid, code: 'OUTCOME_UNKNOWN', retryable: false });
    if (known === 'running') this.#world.stats.joined++;
    if (known === 'running') return;
    if (known !== 'new') {
      this.#world.stats.answeredAgain++;
      return link.send(JSON.parse(known.frame));
    }
    // A gate refuses what is new, and never what may have taken effect before.
    if (luck === 15) return link.send({ op: 'error', mid, code: 'RATE_LIMITED', retryable: true });
    outcomes.begin(mid, link);
    running.add(mid);
    const body = `${link.wire.name}/${mid}`;
    const refused = () => {
      running.delete(mid);
      const asker = outcomes.forget(mid);
      asker?.send({ op: 'error', mid, code: 'APPEND_FAILED', retryable: true });
    };
    whenReady(
      () => this.#world.log.append(STREAM, { body, ...selection }),
      (position) => {
        if (position === undefined) return refused();
        running.delete(mid);
        this.#settle(session, { op: 'reply', mid, result: body });
      },
      (error) => {
        if (error instanceof AppendRefused) return refused();
        running.delete(mid);
        this.#settle(session, { op: 'error', mid, code: 'OUTCOME_UNKNOWN', retryable: false });
      },
    );
  }

  #settle(session: Session, frame: Down & { mid: number }): void {
    session.outcomes.settle(frame.mid, JSON.stringify(frame), this.#world.clock.now());
    this.#send(session, frame);
  }

  /** To the connection that the session has now. */
  #send({ link }: Session, frame: Down): void {
    link?.send(frame);
    if (link !== undefined) this.#announce(link);
  }

  #announce(link: Link): void {
    if (link.skipped !== undefined) link.send({ op: 'ping', offset: link.skipped });
    link.skipped = undefined;
  }

  #end(link: Link): void {
    link.wire.cutAtServer();
    this.#links.delete(link.wire);
    this.#feed?.leave(link);
    if (link.session?.link === link) link.session.link = undefined;
  }
}

function ignore(): void {}

function fail(error: unknown): never {
  throw error;
}
