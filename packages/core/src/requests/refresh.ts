import { Disconnect, type RefreshFrame, ReplyError } from '@callboard/protocol';
import { isPromise, whenReady } from '@callboard/runtime';
import type { ServerClient } from '../client.ts';
import { verify } from '../handshake.ts';
import type { Node } from '../node.ts';

/** `refresh`: a new token on a live connection. A token that is refused leaves things as they are. */
export function refresh(node: Node, client: ServerClient, { mid, token }: RefreshFrame): void {
  const { requests, logger } = node;
  const { link, user, device } = client;
  if (link === undefined) return;
  whenReady(
    () => {
      const verified = verify(node, link, user.id, token, device);
      return isPromise(verified) ? requests.deadline(verified, 'CHECK_TIMEOUT') : verified;
    },
    ({ claims, expiresAtMs }) => {
      if (!node.clients.byId.has(client.id)) return;
      client.authorise(claims, expiresAtMs);
      requests.reply(client, mid, expiresAtMs === undefined ? {} : { expiresAtMs });
      void client.recheckRights();
    },
    (error) => {
      if (!(error instanceof Disconnect)) return requests.refuse(client, mid, error);
      if (error.cause !== undefined)
        logger.error('the verifier failed', { client: client.id, cause: error.cause });
      const failed = error.reason === 'VERIFY_FAILED';
      requests.refuse(client, mid, new ReplyError(failed ? 'UNAVAILABLE' : 'UNAUTHORIZED'));
    },
  );
}
