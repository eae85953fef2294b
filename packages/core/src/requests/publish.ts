import { fromWire, type PublishFrame, ReplyError } from '@callboard/protocol';
import { type Awaitable, isPromise } from '@callboard/runtime';
import type { ChannelPolicy } from '../channels/policy.ts';
import type { ServerClient } from '../client.ts';
import type { Node } from '../node.ts';
import type { Outcome } from '../streams/log.ts';
import { stored } from './broadcast.ts';
import { whenAllowed } from './send.ts';

interface PublishRequest {
  readonly client: ServerClient;
  readonly frame: PublishFrame;
}

export type CanPublish = NonNullable<ChannelPolicy['canPublish']>;

/**
 * `publish`: into a channel, where its policy lets this client. The right is asked for with what the schema made of the
 * data, as that is what is published.
 * @throws ReplyError FORBIDDEN, RATE_LIMITED, INVALID_DATA
 */
export function publish(node: Node, request: PublishRequest): Awaitable<void> {
  const { client, frame } = request;
  const { channel } = frame;
  const { user } = client;
  const { channels } = node;
  const canPublish = publisherOf(node, client, channel);
  let data: unknown;
  const ask = (made: unknown): Awaitable<boolean> => {
    data = made;
    return canPublish({ user, client, channel, data });
  };
  const made = channels.satisfied(channel, fromWire(frame.data));
  const allowed = isPromise(made) ? made.then(ask) : ask(made);
  return whenAllowed(node, request, allowed, () =>
    stored(node, request, () => {
      const outcome = append(node, request, data);
      return isPromise(outcome) ? outcome.then(resultOf) : resultOf(outcome);
    }),
  );
}

/** Who says whether this client may publish just that. @throws ReplyError FORBIDDEN, RATE_LIMITED */
export function publisherOf({ channels }: Node, client: ServerClient, channel: string): CanPublish {
  const policy = channels.policyOf(channel);
  const { canPublish } = policy;
  if (canPublish === undefined) throw new ReplyError('FORBIDDEN');
  const retryAfterMs = client.publishes(policy);
  if (retryAfterMs > 0) throw new ReplyError('RATE_LIMITED', { retryAfterMs });
  return canPublish;
}

function append(node: Node, { client, frame }: PublishRequest, data: unknown): Awaitable<Outcome> {
  const { channel, meta, version, key, exclude } = frame;
  const { user, id } = client;
  return node.channels.publish({
    channel,
    data,
    from: { userId: user.id, clientId: id },
    ...(meta !== undefined && { meta }),
    ...(version !== undefined && { version }),
    // Of this user: nobody can be first with another's.
    ...(key !== undefined && { key: `${user.id}\n${key}` }),
    ...(exclude === true && { exclude: id }),
  });
}

function resultOf(outcome: Outcome) {
  return outcome === 'published' ? undefined : { outcome };
}
