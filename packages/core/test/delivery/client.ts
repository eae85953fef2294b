import assert from 'node:assert/strict';
import { Account } from './account.ts';
import { type Down, type Up, Wire } from './wire.ts';
import type { World } from './world.ts';

type Outcome = 'replied' | 'refused' | 'unknown';

/** A client as PROTOCOL.md wants it: says where it is when it comes back, and sends again what is not settled. */
export class Client {
  readonly name: string;
  readonly outcomes = new Map<number, Outcome>();
  wire: Wire | undefined;
  account: Account | undefined;
  clientId = '';
  readonly #world: World;
  #session: string | undefined;
  #connected = false;
  #mid = 0;
  #settled = 0;
  /** Requests that are not settled; whether they are refused for now, and wait for a retry. */
  readonly #pending = new Map<
    number,
    { refused: boolean; readonly call: Omit<Up & { op: 'call' }, 'settled'> }
  >();

  constructor(name: string, world: World) {
    this.name = name;
    this.#world = world;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** A new connection, whatever became of the one before. */
  connect(): void {
    this.cut();
    const wire = new Wire(this.name);
    this.wire = wire;
    this.#world.wires.push(wire);
    const { account } = this;
    if (this.#session === undefined || account === undefined) wire.up.push({ op: 'connect' });
    else {
      this.#world.stats.reconnects++;
      const { position } = account;
      wire.up.push({ op: 'connect', resume: { session: this.#session, position, mid: this.#mid } });
    }
  }

  cut(): void {
    if (this.wire !== undefined && !this.#connected) this.#world.stats.halfDone++;
    this.wire?.cutAtClient();
    this.wire = undefined;
    this.#connected = false;
  }

  /** Sends a request; without a connection it waits for one. */
  request(selection: { only?: string; exclude?: string }): void {
    if (this.#session === undefined) return;
    const mid = ++this.#mid;
    this.#pending.set(mid, { refused: false, call: { op: 'call', mid, selection } });
    this.#send(mid);
  }

  /** Sends again what was refused for now. */
  retry(): void {
    for (const [mid, request] of this.#pending) {
      if (!request.refused) continue;
      request.refused = false;
      this.#send(mid);
    }
  }

  /** Waits no longer for its oldest request. */
  giveUp(): void {
    const [mid] = this.#pending.keys();
    if (mid !== undefined) this.#settle(mid, 'unknown');
  }

  confirm(): void {
    if (this.#connected) this.wire?.up.push({ op: 'pong', settled: this.#settled });
  }

  receive(frame: Down): void {
    const { account } = this;
    switch (frame.op) {
      case 'connected':
        return this.#onConnected(frame);
      case 'message':
        return account?.message(frame.offset, frame.body);
      case 'ping':
        return account?.announced(frame.offset);
      case 'gap':
        assert.ok(frame.reason !== 'size' && frame.reason !== 'conflated', 'an inbox has no such gap');
        this.#world.stats[`${frame.reason}Gaps`]++;
        return account?.gap(frame);
      case 'reply':
        if (!this.#pending.has(frame.mid)) return;
        assert.equal(frame.result, `${this.name}/${frame.mid}`, "another request's reply");
        return this.#settle(frame.mid, 'replied');
      case 'error':
        return this.#onError(frame);
    }
  }

  #onConnected({ session, clientId, resumed, position }: Down & { op: 'connected' }): void {
    this.#connected = true;
    this.#session = session;
    this.clientId = clientId;
    if (resumed) this.#world.stats.resumed++;
    if (this.account === undefined) this.account = new Account(this.#world.log, clientId, position);
    else this.account.rename(clientId);
    for (const [mid, request] of this.#pending) {
      request.refused = false;
      this.#send(mid);
    }
  }

  #onError({ mid, code, retryable }: Down & { op: 'error' }): void {
    const request = this.#pending.get(mid);
    if (request === undefined) return;
    if (!retryable) {
      assert.ok(code === 'OUTCOME_UNKNOWN' || code === 'HANDLER_TIMEOUT');
      this.#settle(mid, 'unknown');
    } else if (mid % 2 === 0) this.#settle(mid, 'refused');
    else request.refused = true;
  }

  #send(mid: number): void {
    const request = this.#pending.get(mid);
    if (request === undefined || !this.#connected) return;
    this.wire?.up.push({ ...request.call, settled: this.#settled });
  }

  #settle(mid: number, outcome: Outcome): void {
    this.#pending.delete(mid);
    this.outcomes.set(mid, outcome);
    this.#world.stats[outcome]++;
    while (this.outcomes.has(this.#settled + 1)) this.#settled++;
  }
}
