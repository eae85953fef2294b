import { ReplyError, type SubscribeFrame, type UnsubscribeFrame } from '@callboard/protocol';
import type { ChannelReader } from '../channels/reader.ts';
import type { ServerClient } from '../client.ts';
import type { Node } from '../node.ts';

/** The client wants these native events. */
export function follow({ events }: Node, client: ServerClient, types: readonly string[] = []): void {
  const unknown = types.find((type) => !events.has(type));
  if (unknown !== undefined) {
    throw new ReplyError('UNKNOWN_EVENT', { message: `There is no native event ${unknown}.` });
  }
  if (types.length > 0) client.events ??= new Set();
  for (const type of types) client.events?.add(type);
}

/** It no longer does. */
export function unfollow(client: ServerClient, types: readonly string[] = []): void {
  for (const type of types) client.events?.delete(type);
}

interface SubscribeRequest {
  readonly client: ServerClient;
  readonly frame: SubscribeFrame;
}

/** `subscribe` with channels: all of it, or nothing. What it has already it keeps as it is. */
export async function subscribe(node: Node, { client, frame }: SubscribeRequest): Promise<void> {
  const { requests, channels, clients } = node;
  const { mid, events, channels: names = [], positions = {} } = frame;
  const had = names.filter((name) => client.channels?.has(name));
  const wanted = names.filter((name) => !client.channels?.has(name));
  const start = async () => {
    await assertAllowed(node, client, wanted);
    return channels.start(client.id, wanted, positions);
  };
  let starting: Promise<ChannelReader[]> | undefined;
  try {
    if ((client.channels?.size ?? 0) + wanted.length > node.limits.maxChannels)
      throw new ReplyError('TOO_MANY_CHANNELS');
    starting = start();
    const readers = await requests.deadline(starting, 'CHECK_TIMEOUT');
    starting = undefined;
    if (!clients.byId.has(client.id)) return channels.abandon(readers);
    try {
      follow(node, client, events);
    } catch (error) {
      channels.abandon(readers);
      throw error;
    }
    const { streams, begin } = channels.subscribe(client, readers, had);
    requests.reply(client, mid, { streams });
    begin();
  } catch (error) {
    // It may yet come to something, which nobody waits for.
    starting?.then((readers) => channels.abandon(readers)).then(undefined, () => {});
    requests.refuse(client, mid, error);
  }
}

/** `unsubscribe` with channels. */
export function unsubscribe({ channels }: Node, client: ServerClient, frame: UnsubscribeFrame): void {
  unfollow(client, frame.events);
  channels.unsubscribe(client, frame.channels ?? []);
}

/** Asks for all at once. @throws ReplyError FORBIDDEN, and what `canSubscribe` throws. */
async function assertAllowed(
  { channels }: Node,
  client: ServerClient,
  names: readonly string[],
): Promise<void> {
  const { user } = client;
  const answers = names.map(
    (channel) => channels.policies.of(channel).canSubscribe?.({ user, client, channel }) ?? false,
  );
  if ((await Promise.all(answers)).every(Boolean)) return;
  throw new ReplyError('FORBIDDEN');
}
