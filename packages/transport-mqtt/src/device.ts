import type { Duplex } from 'node:stream';
import {
  Framed,
  type GatewayConnection,
  type GatewayHost,
  type GatewayLink,
  type Peer,
} from '@callboard/core';
import { Disconnect } from '@callboard/protocol';
import type { Packet } from 'mqtt-packet';
import { connect } from './connect.ts';
import type { Dialect } from './dialect.ts';
import { Framer } from './framer.ts';
import type { MqttLimits } from './limits.ts';
import { publish } from './publish.ts';
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
  readonly #socket: Duplex;
  readonly #framer: Framer;
  /** Reasons not to read on just now. */
  #holds = 0;
  #connecting = false;
  /** Publications that came and are not acknowledged. */
  #pending = 0;
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

  /** Leaves with all else of this turn. */
  send(bytes: Uint8Array): void {
    this.link.send(new Framed(bytes));
  }

  /** Reads no further until `release`, called as often. */
  hold(): void {
    if (this.#holds++ === 0) this.#socket.pause();
  }

  release(): void {
    if (--this.#holds > 0) return;
    this.#socket.resume();
    this.#read();
  }

  /** A publication of its is not yet acknowledged: with too many of them nothing more is read [MQTT-4.6.0-2]. */
  begun(): void {
    if (++this.#pending === this.gate.limits.maxInFlight) this.hold();
  }

  settled(): void {
    if (this.#pending-- === this.gate.limits.maxInFlight) this.release();
  }

  /** Ends it after one and a half times as long without a packet [MQTT-3.1.2-24]. */
  keepAlive(seconds: number): void {
    if (seconds === 0) return;
    const { clock } = this.gate.host;
    const graceMs = seconds * 1_500;
    const look = () => {
      const silentMs = clock.now() - this.heardAt;
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
    this.#dispatch(this.session, this.dialect.decoder.decode(bytes), bytes);
  }

  #dispatch(session: Session, packet: Packet, bytes: Buffer): void {
    switch (packet.cmd) {
      case 'publish':
        return publish(this, session, packet, bytes);
      case 'puback':
        return session.acknowledged(packet.messageId ?? 0);
      case 'subscribe':
        return subscribe(this, session, packet);
      case 'unsubscribe':
        return unsubscribe(this, session, packet);
      case 'pingreq':
        return this.send(pong);
      case 'disconnect':
        // [MQTT-3.1.2-10], but in version 5 with this reason.
        if (packet.reasonCode !== DISCONNECT_WITH_WILL) this.will = undefined;
        this.#left();
        this.link.closed('DISCONNECT');
        // It is counted no more: also where the device does not close, as it should [MQTT-3.14.4-1].
        return void this.#socket.end(() => this.#socket.destroy());
      default:
        throw new Disconnect('MALFORMED_FRAME', { reason: `a device does not send ${packet.cmd} here` });
    }
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
    session.lost(this);
    if (will !== undefined) execute(session, will, this.gate.host.clock);
  }
}

/** The first byte of a CONNECT. */
const CONNECT = 0x10;
/** A reason to leave. */
const DISCONNECT_WITH_WILL = 0x04;
/** PINGRESP, in all versions. */
const pong = Buffer.of(0xd0, 0);
