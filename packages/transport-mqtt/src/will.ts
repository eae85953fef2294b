import type { Clock, GatewayDraft } from '@callboard/core';
import { Disconnect, ReplyError } from '@callboard/protocol';
import type { IConnectPacket } from 'mqtt-packet';
import type { Session } from './session.ts';
import { isTopic } from './topics.ts';

/** What a device wants published when it is gone without a DISCONNECT (section 3.1.2.5). */
export interface Will {
  readonly draft: GatewayDraft;
  /** How long it may be away before that, in milliseconds; 0 in 3.1.1. */
  readonly delayMs: number;
}

/** @throws Disconnect where it is malformed [MQTT-3.1.2-14] [MQTT-3.1.3-10]. */
export function willOf({ will }: IConnectPacket): Will | undefined {
  if (will === undefined || will === null) return undefined;
  const { topic, payload, qos = 0, retain, properties } = will;
  if (!isTopic(topic) || qos > 2) throw new Disconnect('MALFORMED_FRAME', { reason: 'not a will' });
  // A copy: what it came in is not to be held for as long as the connection lasts.
  const bytes = Buffer.from(payload ?? '');
  return {
    draft: {
      channel: topic,
      payload: bytes,
      atMostOnce: qos === 0,
      forgetsLast: retain === true && bytes.length === 0,
    },
    delayMs: (properties?.willDelayInterval ?? 0) * 1_000,
  };
}

/** The connection ended otherwise than by a DISCONNECT [MQTT-3.1.2-8]. */
export function execute(session: Session, will: Will, clock: Clock): void {
  if (will.delayMs === 0) publishWill(session, will);
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
    publishWill(this.#session, this.#will);
  }

  drop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#session.pendingWill = undefined;
  }
}

/** By the rights of the moment, as any publication; core counts what is refused, and there is nobody to tell. */
function publishWill({ core }: Session, { draft }: Will): void {
  core.publish(draft).catch((error: unknown) => {
    if (!(error instanceof ReplyError)) throw error;
  });
}

/** Node's timers cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
