import type { Duplex } from 'node:stream';
import {
  type Clock,
  Framed,
  type GatewayConnection,
  type GatewayHost,
  type GatewayLink,
  type Peer,
} from '@callboard/core';
import { Disconnect } from '@callboard/protocol';
import type { IDisconnectPacket } from 'mqtt-packet';
import { connect } from './connect.ts';
import type { Dialect, Incoming } from './dialect.ts';
import { Framer } from './framer.ts';
import { InTurn } from './in-turn.ts';
import type { MqttLimits } from './limits.ts';
import type { Properties } from './properties.ts';
import { acknowledge, type Came, publish } from './publish.ts';
import { Violation } from './reasons.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import { subscribe, unsubscribe } from './subscribe.ts';
import { execute, type Will } from './will.ts';

/** What all connections share. */
export interface Gate {
  readonly host: GatewayHost;
  readonly limits: MqttLimits;
  readonly sessions: Sessions;
}

/** One connection of a device: reads packet by packet, and no more than it can answer for. */
export class Device implements GatewayConnection {
  readonly gate: Gate;
  readonly link: GatewayLink;
  /** Both from CONNECT on. */
  dialect!: Dialect;
  session: Session | undefined;
  /** From the CONNACK on, unless it says that it leaves. */
  will: Will | undefined;
  /** When something of its came last. */
  heardAt: number;
  /** Since when it is listened to again. */
  #listeningSince = 0;
  readonly #socket: Duplex;
  readonly #framer: Framer;
  /** Reasons not to read on just now. */
  #holds = 0;
  #connecting = false;
  /** Publications that came and are not acknowledged. */
  #pending = 0;
  readonly #inTurn = new InTurn<Came>();
  #keepAlive: unknown;

  constructor(gate: Gate, socket: Duplex, peer: Peer) {
    const { host, limits } = gate;
    this.gate = gate;
    this.#socket = socket;
    this.#framer = new Framer(limits.maxPacketBytes);
    this.heardAt = host.clock.now();
    this.link = host.accept(this, peer);
    socket.on('data', (chunk: Buffer) => this.#came(chunk));
    socket.on('close', () => this.#closed());
    socket.on('error', (cause) => host.logger.debug('a device failed', { reason: cause.message }));
  }

  write(bytes: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  get clock(): Clock {
    return this.gate.host.clock;
  }

  get saturated(): boolean {
    return this.session?.saturated === true;
  }

  close(disconnect: Disconnect): void {
    const { session, dialect } = this;
    const last = session && (dialect.disconnected(disconnect) ?? session.own.farewell(this, disconnect));
    if (last !== undefined) this.write(last);
    this.#socket.end();
    this.#left();
  }

  terminate(): void {
    this.#socket.destroy();
  }

  /** Leaves with all else of this turn; nothing where it is more than the device takes. */
  send(bytes: Uint8Array | undefined): void {
    if (bytes !== undefined) this.link.send(new Framed(bytes));
  }

  /** As `send`, of what acknowledges a publication: at once where that is all there is to say for now, as nobody shares its bytes. */
  answer(bytes: Uint8Array | undefined): void {
    const { link, gate } = this;
    const isAlone =
      this.#pending === 1 && this.#framer.empty && link.room === gate.host.limits.maxOutboxBytes;
    if (bytes !== undefined && isAlone && link.open) this.write(bytes);
    else this.send(bytes);
  }

  /** Calls back when all that was delivered so far outlives the server, where there is a store; else at once. */
  committed(then: () => void): void {
    const committed = this.gate.sessions.committed();
    if (committed === undefined) return then();
    committed.then(then).catch((cause: unknown) => this.failed(cause));
  }

  /** What it wants could not be done: it comes back with it. */
  failed(cause: unknown): void {
    this.gate.host.logger.error('what a device wants has failed', { device: this.session?.clientId, cause });
    this.link.end(new Disconnect('INTERNAL'));
  }

  /** Reads no further until `release`, called as often. */
  hold(): void {
    if (this.#holds++ === 0) this.#socket.pause();
  }

  release(): void {
    if (--this.#holds > 0) return;
    this.#listeningSince = this.clock.now();
    this.#socket.resume();
    this.#read();
  }

  /** A publication of its is not yet acknowledged: with too many of them nothing more is read. @returns its place, for `settled` */
  begun(): number {
    if (++this.#pending === this.gate.limits.maxInFlight) this.hold();
    return this.#inTurn.begin();
  }

  /** It can be acknowledged: after those before it [MQTT-4.6.0-2] [MQTT-4.6.0-3]. */
  settled(came: Came): void {
    this.#inTurn.ready(came.place, came, acknowledge);
  }

  acknowledged(): void {
    if (this.#pending-- === this.gate.limits.maxInFlight) this.release();
  }

  /** Ends it after one and a half times as long without a packet [MQTT-3.1.2-24]; not for what it said while nobody listened. */
  keepAlive(seconds: number): void {
    if (seconds === 0) return;
    const { clock } = this;
    const graceMs = seconds * 1_500;
    const look = () => {
      const silentMs = this.#holds > 0 ? 0 : clock.now() - Math.max(this.heardAt, this.#listeningSince);
      if (silentMs >= graceMs) this.link.end(new Disconnect('STALE'));
      else this.#keepAlive = clock.setTimeout(look, graceMs - silentMs);
    };
    this.#keepAlive = clock.setTimeout(look, graceMs);
  }

  #came(chunk: Buffer): void {
    if (!this.link.open) return;
    this.heardAt = this.gate.host.clock.now();
    this.#framer.append(chunk);
    if (this.#holds === 0) this.#read();
  }

  #read(): void {
    try {
      while (this.#holds === 0 && this.link.open) {
        // [MQTT-3.1.0-1]: what is no MQTT at all is not waited for.
        if (!this.#connecting && this.#framer.first !== CONNECT) throw new Disconnect('CONNECT_EXPECTED');
        const bytes = this.#framer.next();
        if (bytes === undefined) return;
        this.#spend(this.link.received(bytes.length));
        if (this.link.open) this.#take(bytes);
      }
    } catch (error) {
      const { logger } = this.gate.host;
      if (!(error instanceof Disconnect)) logger.error('a packet was not taken', { cause: error });
      this.link.end(error instanceof Disconnect ? error : new Disconnect('INTERNAL'));
    }
  }

  #spend(debtMs: number): void {
    if (debtMs === 0) return;
    this.hold();
    this.gate.host.clock.setTimeout(() => this.release(), debtMs);
  }

  /** @throws Disconnect where it may not come now, or is malformed. */
  #take(bytes: Buffer): void {
    if (this.session === undefined) {
      // Nothing else is read before it is answered.
      this.#connecting = true;
      return connect(this, bytes);
    }
    this.#dispatch(this.session, this.dialect.read(bytes));
  }

  #dispatch(session: Session, { packet, properties }: Incoming): void {
    switch (packet.cmd) {
      case 'publish':
        return publish(this, session, packet, properties);
      case 'puback':
        return session.acknowledged(packet.messageId ?? 0);
      case 'pubrec':
        return session.received(packet.messageId ?? 0, (packet.reasonCode ?? 0) >= 0x80);
      case 'pubrel':
        return session.released(this, packet.messageId ?? 0);
      case 'pubcomp':
        return session.completed(packet.messageId ?? 0);
      case 'subscribe':
        return subscribe(this, session, packet, properties);
      case 'unsubscribe':
        return unsubscribe(this, session, packet);
      case 'pingreq':
        return this.send(pong);
      case 'disconnect':
        return this.#goodbye(session, packet, properties);
      default:
        throw new Violation('protocolError', `a device does not send ${packet.cmd} here`);
    }
  }

  #goodbye(
    session: Session,
    { reasonCode = 0 }: IDisconnectPacket,
    { sessionExpiryInterval }: Properties,
  ): void {
    if (sessionExpiryInterval !== undefined) {
      // Section 3.14.2.2.2.
      if (sessionExpiryInterval > 0 && (this.dialect.properties.sessionExpiryInterval ?? 0) === 0)
        throw new Violation('protocolError', 'a session that was to end with the connection does');
      session.core.resumeMs = resumeMsOf(sessionExpiryInterval, this.gate.limits);
    }
    // [MQTT-3.1.2-10] of 3.1.1; in MQTT 5 only without a reason [MQTT-3.14.4-3].
    if (reasonCode === 0) this.will = undefined;
    this.#left();
    this.link.closed('DISCONNECT');
    // It is counted no more: also where the device does not close, as it should [MQTT-3.14.4-1].
    this.#socket.end(() => this.#socket.destroy());
  }

  #closed(): void {
    this.#left();
    this.link.closed('the connection was lost');
  }

  #left(): void {
    this.gate.host.clock.clearTimeout(this.#keepAlive);
    const { session, will } = this;
    this.will = undefined;
    if (session === undefined) return;
    session.lost(this, will);
    if (will !== undefined) execute(session, will, this.gate.host.clock);
  }
}

/** Section 3.1.2.11.2. @param seconds all ones never ends; no session waits longer than it may. */
export function resumeMsOf(seconds: number, { maxSessionMs }: MqttLimits): number {
  return seconds === 0xffffffff ? maxSessionMs : Math.min(seconds * 1_000, maxSessionMs);
}

/** The first byte of a CONNECT. */
const CONNECT = 0x10;
/** PINGRESP, in all versions. */
const pong = Buffer.of(0xd0, 0);
