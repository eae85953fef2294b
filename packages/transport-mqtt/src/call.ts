import type { CallAnswer } from '@callboard/core';
import { type AnyAction, assertReadable, isAction, ReplyError } from '@callboard/protocol';
import type { Device } from './device.ts';
import { KnownPublication } from './known-publication.ts';
import { ownTopics, tell } from './own-topics.ts';
import type { Session } from './session.ts';

/** Where an answer goes, as the properties of an MQTT 5 PUBLISH say (sections 3.3.2.3.5 and 3.3.2.3.6). */
export interface ResponsePlace {
  readonly topic: string;
  readonly correlation: Buffer | undefined;
}

/** What a device publishes to `$callboard/call`: an action, or one with an id, by which it knows the answer. */
interface Asked {
  readonly action: AnyAction;
  readonly id?: unknown;
}

/**
 * A device asks the server's handlers. The answer, `{result}` or `{error}`, goes to `place`; without one, and where it gave an id,
 * with that id to `$callboard/reply`; else nobody wants it. In any case at most once, and on this connection alone. Resolves
 * when the call may be acknowledged.
 */
export async function call(
  device: Device,
  session: Session,
  payload: Uint8Array,
  place?: ResponsePlace,
): Promise<void> {
  let asked: Asked;
  try {
    asked = askedIn(payload);
  } catch {
    return answer(device, place, undefined, { error: new ReplyError('INVALID_REQUEST') });
  }
  const { action, id } = asked;
  await session.core.call(action, (answered) => answer(device, place, id, answered));
}

/** @throws where it is no JSON of either kind. */
function askedIn(payload: Uint8Array): Asked {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
  assertReadable(text);
  const asked = JSON.parse(text) as AnyAction | Asked;
  return isAction(asked) ? { action: asked } : { action: asked.action as AnyAction, id: asked.id };
}

function answer(device: Device, place: ResponsePlace | undefined, id: unknown, answered: CallAnswer): void {
  const what = 'error' in answered ? { error: errorOf(answered.error) } : resultOf(answered.result);
  if (place !== undefined) {
    const { topic, correlation: correlationData } = place;
    tell(device, KnownPublication.own(topic, what, correlationData && { correlationData }));
  } else if (id !== undefined) tell(device, KnownPublication.own(ownTopics.reply, { id, ...what }));
}

function resultOf(result: string | undefined): object {
  return result === undefined ? {} : { result: JSON.parse(result) };
}

function errorOf({ code, message, retryable, retryAfterMs }: ReplyError): object {
  return { code, message, retryable, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}
