import { isFilter, ReplyError, type SubscribeFrame, type UnsubscribeFrame } from '@callboard/protocol';
import type { FilterRight } from '../channels/rights.ts';
import type { Granted } from '../channels/subscriptions.ts';
import type { ServerClient } from '../client.ts';
import type { Node } from '../node.ts';

/** The client wants these native events. @throws ReplyError UNKNOWN_EVENT */
export function follow(node: Node, client: ServerClient, types: readonly string[] = []): void {
  assertKnown(node, types);
  if (types.length > 0) client.events ??= new Set();
  const isNew = !client.events?.has('STATUS_CHANGE');
  for (const type of types) client.events?.add(type);
  // It changed between the two.
  if (isNew && client.events?.has('STATUS_CHANGE') && client.welcomedAs !== client.user.status.status)
    client.user.tellStatus([client]);
}

/** It no longer does. */
export function unfollow(client: ServerClient, types: readonly string[] = []): void {
  for (const type of types) client.events?.delete(type);
}

function assertKnown({ events }: Node, types: readonly string[]): void {
  const unknown = types.find((type) => !events.has(type));
  if (unknown !== undefined)
    throw new ReplyError('UNKNOWN_EVENT', { message: `There is no native event ${unknown}.` });
}

interface SubscribeRequest {
  readonly client: ServerClient;
  readonly frame: SubscribeFrame;
}

/** `subscribe` with channels: all of it, or nothing. What it has already it keeps as it is. */
export async function subscribe(node: Node, { client, frame }: SubscribeRequest): Promise<void> {
  const { requests, subscriptions, clients } = node;
  const { mid, events = [], channels: names = [], positions = {} } = frame;
  const has = (name: string) => client.channels?.has(name) === true || client.filters?.has(name) === true;
  const had = names.filter(has);
  const wanted = names.filter((name) => !has(name));
  const start = async (): Promise<Granted> => {
    const filters = await allowed(node, client, wanted);
    const exact = wanted.filter((name) => !filters.has(name));
    return { readers: await subscriptions.start(client, exact, positions), filters };
  };
  let starting: Promise<Granted> | undefined;
  try {
    assertKnown(node, events);
    const count = (client.channels?.size ?? 0) + (client.filters?.size ?? 0);
    if (count + wanted.length > node.limits.maxChannels) throw new ReplyError('TOO_MANY_CHANNELS');
    starting = start();
    const granted = await requests.deadline(starting, 'CHECK_TIMEOUT');
    starting = undefined;
    if (!clients.byId.has(client.id)) return subscriptions.abandon(client, granted.readers);
    follow(node, client, events);
    const { streams, begin } = subscriptions.subscribe(client, mid, granted, had);
    requests.reply(client, mid, { streams });
    begin();
  } catch (error) {
    // It may yet come to something, which nobody waits for.
    starting?.then(({ readers }) => subscriptions.abandon(client, readers)).then(undefined, () => {});
    requests.refuse(client, mid, error);
  }
}

/** `unsubscribe` with channels. */
export function unsubscribe({ subscriptions }: Node, client: ServerClient, frame: UnsubscribeFrame): void {
  unfollow(client, frame.events);
  subscriptions.unsubscribe(client, frame.channels ?? []);
}

/** Asks for all at once, and gives what filters may read. @throws ReplyError FORBIDDEN, and what `canSubscribe` throws. */
async function allowed(
  { subscriptions: { rights } }: Node,
  client: ServerClient,
  names: readonly string[],
): Promise<Map<string, FilterRight>> {
  const filters = new Map<string, FilterRight>();
  const ask = async (name: string) => {
    if (!isFilter(name)) return rights.toRead(client, name);
    const right = await rights.toFilter(client, name);
    if (right !== undefined) filters.set(name, right);
    return right !== undefined;
  };
  const answers = await Promise.all(names.map(ask));
  if (!answers.every(Boolean)) throw new ReplyError('FORBIDDEN');
  return filters;
}
