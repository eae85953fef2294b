import { type ConnectFrame, Disconnect, PROTOCOL_VERSION, userIdOf } from '@callboard/protocol';
import { type Awaitable, isPromise, whenReady } from '@callboard/runtime';
import type { Claims, Principal } from './api.ts';
import type { Link } from './link.ts';
import type { LiveLink } from './live-link.ts';
import type { Node } from './node.ts';

/** Who it is, as the verifier says: never more than the client claimed, unless the verifier knows better. */
export interface Verified {
  readonly userId: string;
  readonly claims: Claims;
  readonly expiresAtMs: number | undefined;
}

/** The first frame of a connection (PROTOCOL.md, "Order of checks"): version, user id, verifier, session. */
export function connect(node: Node, link: Link, frame: ConnectFrame): void {
  const { token, device, activity, resume } = frame;
  link.authenticating = true;
  link.deadline(node.limits.verifyTimeoutMs, 'VERIFY_TIMEOUT');
  const refused = (error: unknown) => refuse(node, link, error);
  whenReady(
    () => {
      speaksOurVersion(frame);
      return verify(node, link, userIdIn(frame), token, device);
    },
    (verified) => {
      if (link.open) node.clients.admit({ link, verified, device, activity, resume }, refused);
    },
    refused,
  );
}

/**
 * Asks the application's verifier; without one, anybody is who they say (and the server listens on loopback only).
 * @throws Disconnect UNAUTHORIZED or VERIFY_FAILED.
 */
export function verify(
  node: Node,
  link: LiveLink,
  userId: string,
  token: string | undefined,
  device: string | undefined,
): Awaitable<Verified> {
  const { verifyClient } = node;
  if (verifyClient === undefined) return { userId, claims: none, expiresAtMs: undefined };
  const failed = (cause: unknown): never => {
    throw new Disconnect('VERIFY_FAILED', { cause });
  };
  const { peer } = link;
  let answer: Awaitable<Principal | boolean>;
  try {
    answer = verifyClient({ userId, device, ...peer, token: token ?? peer.token });
  } catch (cause) {
    return failed(cause);
  }
  const now = () => node.clock.now();
  if (!isPromise(answer)) return principal(answer, userId, now());
  return answer.then((resolved) => principal(resolved, userId, now()), failed);
}

const none: Claims = Object.freeze({});

function principal(answer: Principal | boolean, userId: string, now: number): Verified {
  if (answer === true) return { userId, claims: none, expiresAtMs: undefined };
  if (typeof answer !== 'object' || answer === null) throw new Disconnect('UNAUTHORIZED');
  if (answer.userId !== undefined && userIdOf(answer.userId) !== userId) throw new Disconnect('UNAUTHORIZED');
  const { claims = none, expiresAtMs } = answer;
  if (expiresAtMs !== undefined && expiresAtMs <= now) throw new Disconnect('TOKEN_EXPIRED');
  return { userId, claims, expiresAtMs };
}

function speaksOurVersion({ version }: ConnectFrame): void {
  if (version !== PROTOCOL_VERSION) {
    throw new Disconnect('UNSUPPORTED_VERSION', { reason: `this server speaks version ${PROTOCOL_VERSION}` });
  }
}

function userIdIn({ userId }: ConnectFrame): string {
  if (userId === undefined) throw new Disconnect('USER_ID_MISSING');
  return userId;
}

function refuse(node: Node, link: Link, error: unknown): void {
  const { address } = link.peer;
  if (!(error instanceof Disconnect)) node.logger.error('a handshake failed', { address, cause: error });
  else if (error.cause !== undefined)
    node.logger.error('the verifier failed', { address, cause: error.cause });
  link.end(error instanceof Disconnect ? error : new Disconnect('INTERNAL', { cause: error }));
}
