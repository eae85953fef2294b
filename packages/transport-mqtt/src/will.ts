import type { Clock } from '@callboard/core';
import { Disconnect, ReplyError } from '@callboard/protocol';
import type { IConnectPacket } from 'mqtt-packet';
import { draftOf, type Message } from './draft.ts';
import type { Properties } from './properties.ts';
import { Violation } from './reasons.ts';
import type { Session } from './session.ts';
import { isTopic } from './topics.ts';

/** What a device wants published when it is gone without a DISCONNECT (section 3.1.2.5). */
export interface Will extends Message {
  /** None in 3.1.1. */
  readonly properties: Properties;
  /** How long it may be away before that, in milliseconds; 0 in 3.1.1. */
  readonly delayMs: number;
}

/** @throws Disconnect where it is malformed [MQTT-3.1.2-14] [MQTT-3.1.3-10]. */
export function willOf({ will }: IConnectPacket, properties: Properties): Will | undefined {
  if (will === undefined || will === null) return undefined;
  const { topic, payload, qos = 0, retain = false } = will;
  const { responseTopic, willDelayInterval = 0 } = properties;
  if (!isTopic(topic) || qos > 2) throw new Disconnect('MALFORMED_FRAME', { reason: 'not a will' });
  // [MQTT-3.3.2-14]
  if (responseTopic !== undefined && !isTopic(responseTopic))
    throw new Violation('protocolError', 'not a response topic');
  // A copy: what it came in is not to be held for as long as the connection lasts.
  const bytes = Buffer.from(payload ?? '');
  return { topic, payload: bytes, qos, retain, properties, delayMs: willDelayInterval * 1_000 };
}

/** The connection ended otherwise than by a DISCONNECT [MQTT-3.1.2-8]. */
export function execute(session: Session, will: Will, clock: Clock): void {
  if (will.delayMs === 0) publishWill(session, will, clock);
  else session.pendingWill = new PendingWill(session, will, clock);
}

/** A will whose device may yet come back, and then nothing was [MQTT-3.1.3-9]. */
export class PendingWill {
  readonly #session: Session;
  readonly #will: Will;
  readonly #clock: Clock;
  readonly #timer: unknown;

  constructor(session: Session, will: Will, clock: Clock) {
    this.#session = session;
    this.#will = will;
    this.#clock = clock;
    this.#timer = clock.setTimeout(() => this.publish(), Math.min(will.delayMs, LONGEST_TIMER_MS));
  }

  /** Its time has come, or that of the session, whichever is first [MQTT-3.1.2-8]. */
  publish(): void {
    this.drop();
    publishWill(this.#session, this.#will, this.#clock);
  }

  drop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#session.pendingWill = undefined;
  }
}

/** By the rights of the moment, as any publication; core counts what is refused, and there is nobody to tell. */
function publishWill(session: Session, will: Will, clock: Clock): void {
  const { core, keeping } = session;
  const publish = async () => core.publish(draftOf(will, will.properties, clock));
  session.willPublished = publish().then(
    () => keeping?.executed(will),
    (error: unknown) => {
      // A server that stops defers it, where it is kept, until it is there again (section 3.1.2.5 of MQTT 5).
      if (!(error instanceof ReplyError && error.code === 'UNAVAILABLE')) keeping?.executed(will);
    },
  );
}

/** Node's timers cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
