import { Disconnect, userIdOf } from '@callboard/protocol';
import type { Channel, Last } from '../channels/channel.ts';
import { LastValues, type LastValueTaker } from '../channels/last-values.ts';
import { verify } from '../handshake.ts';
import { LiveLink } from '../live-link.ts';
import type { Node } from '../node.ts';
import type { Framing, Peer } from '../transport.ts';
import type { Accepted, AttachOptions, GatewayConnection, GatewayCredentials, GatewayLink } from './port.ts';
import { Session } from './session.ts';

/** Gateways put their frames into bytes themselves. */
const framedAlready: Framing = { frame: (text) => Buffer.from(text) };

/** The server's end of a connection that speaks a gateway's protocol. */
export class ForeignLink extends LiveLink implements GatewayLink, LastValueTaker {
  readonly #connection: GatewayConnection;
  #lastValues: LastValues | undefined;

  constructor(node: Node, connection: GatewayConnection, peer: Peer) {
    super(node, connection, framedAlready, peer);
    this.#connection = connection;
  }

  received(bytes: number, isAnswer = false): number {
    const { clock, counters, limits } = this.node;
    counters.received++;
    counters.receivedBytes += bytes;
    const now = clock.now();
    if (!isAnswer) this.frameBudget.spend(1, now);
    this.byteBudget.spend(bytes, now);
    if (this.frameBudget.ruined || this.byteBudget.ruined)
      this.end(new Disconnect('RATE_LIMITED', { afterMs: limits.pingIntervalMs }));
    return Math.max(this.frameBudget.debtMs, this.byteBudget.debtMs);
  }

  async authenticate({ userId, token, device }: GatewayCredentials): Promise<Accepted> {
    const { limits, logger } = this.node;
    this.deadline(limits.verifyTimeoutMs, 'VERIFY_TIMEOUT');
    const id = userIdOf(userId);
    if (id === undefined) throw new Disconnect('USER_ID_MISSING');
    try {
      return await verify(this.node, this, id, token, device);
    } catch (error) {
      const { cause } = error as Error;
      if (cause !== undefined) logger.error('the verifier failed', { address: this.peer.address, cause });
      throw error;
    }
  }

  async attach(accepted: Accepted, options: AttachOptions): Promise<Session> {
    const { clients } = this.node;
    const { session } = options;
    const known = session instanceof Session ? session.client : undefined;
    const client =
      known === undefined
        ? await clients.admitForeign(this, accepted, options)
        : await clients.takeOver(this, known, accepted, options);
    this.deadline(undefined);
    return client.foreign as Session;
  }

  lastValue(channel: Channel, last: Last, filter: string): void {
    const ageMs = Math.max(0, this.node.clock.now() - last.at);
    const subscription = this.client?.filters?.get(filter);
    subscription?.reader?.lastValue(channel.retainedItem(last), ageMs);
  }

  sendLastValues(filters: readonly string[]): void {
    const { client } = this;
    const { channels, rounds } = this.node;
    if (client === undefined) return;
    const wanted = filters.map((filter) => client.filters?.get(filter)).filter((each) => each !== undefined);
    this.#lastValues ??= new LastValues(client, this, channels.retaining, rounds);
    this.#lastValues.add(wanted);
  }

  override get congested(): boolean {
    return super.congested || this.#connection.saturated;
  }

  relieved(): void {
    this.#lastValues?.relieved();
  }

  closed(reason: string): void {
    this.lost(false, reason);
  }

  protected farewell(): void {
    this.outbox.flush();
  }

  protected hangUp(disconnect: Disconnect): void {
    this.#connection.close(disconnect);
  }

  protected terminate(): void {
    this.#connection.terminate();
  }

  /** What its session is worth its lifetime says, not how the connection ended. */
  protected detach(_forGood: boolean, reason: string): void {
    this.client?.detached(this, false, reason);
  }
}
