import type { Accepted, GatewayLink } from '@callboard/core';
import { Disconnect } from '@callboard/protocol';
import type { MqttLimits } from './limits.ts';
import { Session } from './session.ts';

interface Arrival {
  readonly link: GatewayLink;
  readonly accepted: Accepted;
  readonly clientId: string;
  readonly clean: boolean;
  /** How long the session waits without a connection, in milliseconds. */
  readonly resumeMs: number;
}

/** Somebody else's client id. */
export class Taken extends Error {}

/** The sessions, by client id: a port will stand behind it. */
export class Sessions {
  readonly #byId = new Map<string, Session>();
  /** Who comes under an id while another one of it is being let in waits for that. */
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #limits: MqttLimits;
  readonly #maxOutboxBytes: number;

  constructor(limits: MqttLimits, maxOutboxBytes: number) {
    this.#limits = limits;
    this.#maxOutboxBytes = maxOutboxBytes;
  }

  /**
   * The session that a connection goes on with, or a new one; whoever was connected by this id is no more [MQTT-3.1.4-2].
   * @throws Taken where another principal has the id, Disconnect where core does not let it.
   */
  enter(arrival: Arrival): Promise<{ readonly session: Session; readonly present: boolean }> {
    const { clientId } = arrival;
    const before = this.#turns.get(clientId) ?? Promise.resolve();
    const enter = () => this.#enter(arrival);
    const turn = before.then(enter, enter);
    this.#turns.set(clientId, turn);
    const done = () => {
      if (this.#turns.get(clientId) === turn) this.#turns.delete(clientId);
    };
    turn.then(done, done);
    return turn;
  }

  async #enter({ link, accepted, clientId, clean, resumeMs }: Arrival) {
    const before = this.#byId.get(clientId);
    if (before !== undefined && before.userId !== accepted.userId) throw new Taken();
    // [MQTT-3.1.2-6]: nor does one go on that was to end with its connection.
    const fresh = clean || before?.core.resumeMs === 0;
    if (fresh) before?.core.end(new Disconnect('REPLACED'));
    const known = fresh ? undefined : before;
    const session = known ?? new Session(clientId, accepted.userId, this.#limits, this.#maxOutboxBytes);
    const ended = () => {
      session.ended();
      if (this.#byId.get(clientId) === session) this.#byId.delete(clientId);
    };
    session.core = await link.attach(accepted, { session: known?.core, device: clientId, resumeMs, ended });
    this.#byId.set(clientId, session);
    return { session, present: known !== undefined };
  }
}
