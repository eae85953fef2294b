import { Disconnect, type DisconnectReason, disconnectName } from '@callboard/protocol';

/** Reason codes of MQTT 5 (section 2.4), of those that a server says. */
export const reasons = {
  success: 0x00,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  unspecified: 0x80,
  malformed: 0x81,
  protocolError: 0x82,
  implementationSpecific: 0x83,
  unsupportedVersion: 0x84,
  clientIdNotValid: 0x85,
  badCredentials: 0x86,
  notAuthorized: 0x87,
  unavailable: 0x88,
  badAuthenticationMethod: 0x8c,
  serverShuttingDown: 0x8b,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  messageRateTooHigh: 0x96,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
} as const;

/** What a device did against the protocol, with the word that MQTT 5 has for it. */
export class Violation extends Disconnect {
  readonly reasonCode: number;

  constructor(
    why: 'malformed' | 'protocolError' | 'receiveMaximumExceeded' | 'topicAliasInvalid' | 'packetTooLarge',
    reason: string,
  ) {
    super('MALFORMED_FRAME', { reason });
    this.reasonCode = reasons[why];
  }
}

const codes: Partial<Record<DisconnectReason, number>> = {
  SERVER_SHUTDOWN: reasons.serverShuttingDown,
  SLOW_READER: reasons.quotaExceeded,
  STALE: reasons.keepAliveTimeout,
  TOKEN_EXPIRED: reasons.notAuthorized,
  RATE_LIMITED: reasons.messageRateTooHigh,
  INTERNAL: reasons.unspecified,
  UNAUTHORIZED: reasons.notAuthorized,
  MALFORMED_FRAME: reasons.malformed,
  FRAME_TOO_LARGE: reasons.packetTooLarge,
  CONNECT_EXPECTED: reasons.protocolError,
  REPLACED: reasons.sessionTakenOver,
};

/** What a DISCONNECT says; the application's own codes are administrative actions. */
export function reasonOf(disconnect: Disconnect): number {
  if (disconnect instanceof Violation) return disconnect.reasonCode;
  return codes[disconnectName(disconnect.code) as DisconnectReason] ?? reasons.administrativeAction;
}
