import { fromWire, type PublishFrame, ReplyError } from '@callboard/protocol';
import { type Awaitable, isPromise } from '@callboard/runtime';
import type { ServerClient } from '../client.ts';
import type { Node } from '../node.ts';
import { stored } from './broadcast.ts';
import { whenAllowed } from './send.ts';

interface PublishRequest {
  readonly client: ServerClient;
  readonly frame: PublishFrame;
}

/** `publish`: into a channel, where its policy lets this client. @throws ReplyError FORBIDDEN, RATE_LIMITED */
export function publish(node: Node, request: PublishRequest): Awaitable<void> {
  const { client, frame } = request;
  const { channel, meta, version, key, exclude } = frame;
  const { user, id } = client;
  const { channels, clock } = node;
  const data = fromWire(frame.data);
  const policy = channels.policyOf(channel);
  const allowed = policy.canPublish?.({ user, client, channel, data }) ?? false;
  const go = () => {
    const retryAfterMs = client.publishes(policy, clock.now());
    if (retryAfterMs > 0) throw new ReplyError('RATE_LIMITED', { retryAfterMs });
    const outcome = channels.publish({
      channel,
      data,
      from: { userId: user.id, clientId: id },
      ...(meta !== undefined && { meta }),
      ...(version !== undefined && { version }),
      // Of this user: nobody can be first with another's.
      ...(key !== undefined && { key: `${user.id}\n${key}` }),
      ...(exclude === true && { exclude: id }),
    });
    const result = (became: typeof outcome) => (became === 'published' ? undefined : { outcome: became });
    return isPromise(outcome) ? outcome.then(result) : result(outcome);
  };
  return whenAllowed(node, request, allowed, () => stored(node, request, go));
}
