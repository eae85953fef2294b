import type { PublishFrame } from '@callboard/protocol';
import type { Awaitable } from '@callboard/runtime';
import type { ServerClient } from '../client.ts';
import type { Node } from '../node.ts';
import { stored } from './broadcast.ts';
import { whenAllowed } from './send.ts';

interface PublishRequest {
  readonly client: ServerClient;
  readonly frame: PublishFrame;
}

/** `publish`: into a channel, where its policy lets this client. */
export function publish(node: Node, request: PublishRequest): Awaitable<void> {
  const { client, frame } = request;
  const { channel, data, exclude } = frame;
  const { user, id } = client;
  const { channels } = node;
  const allowed = channels.policies.of(channel).canPublish?.({ user, client, channel, data }) ?? false;
  const body = { data, from: { userId: user.id, clientId: id } };
  return whenAllowed(node, request, allowed, () =>
    stored(node, request, () => channels.publish(channel, body, exclude === true ? id : undefined)),
  );
}
