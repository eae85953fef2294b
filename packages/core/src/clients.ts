import { randomBytes } from 'node:crypto';
import { Disconnect, INBOX, type Position, PROTOCOL_VERSION } from '@callboard/protocol';
import { type Observable, Subject } from 'rxjs';
import type { SnapshotFrom } from 'xstate';
import { type Awaitable, isPromise, whenReady } from './awaitable.ts';
import { ServerClient } from './client.ts';
import type { Link } from './link.ts';
import { clientMachine } from './machines/client-machine.ts';
import type { Node } from './node.ts';
import { GuardedObservable } from './observables.ts';
import { Encoded } from './outbox.ts';
import type { Feed, Missed, Recovery } from './streams/feed.ts';
import type { ServerUser } from './users.ts';

/** Where a connection ends up: with the client whose session it resumes, or with the new one it was opened for. */
export interface Admitted {
  readonly link: Link;
  readonly user: ServerUser;
  readonly client: ServerClient;
  /** The session that is resumed; undefined for a new client. */
  readonly session: string | undefined;
  /** Where the reader stood, if it says so. */
  readonly from: Position | undefined;
}

/** The clients of this node, and how a connection gets to its own. */
export class Clients {
  readonly byId = new Map<string, ServerClient>();
  readonly clients$: Observable<ServerClient>;
  readonly machine;
  readonly initial: SnapshotFrom<typeof clientMachine>;
  readonly #node: Node;
  readonly #coming = new Subject<ServerClient>();
  readonly #prefix = randomBytes(6).toString('base64url');
  #made = 0;

  constructor(node: Node) {
    this.#node = node;
    this.clients$ = new GuardedObservable(this.#coming, node.logger);
    const owner = (id: string) => node.registry.owner(id) as ServerClient;
    this.machine = clientMachine.provide({
      actions: {
        wait: ({ self, context }) => owner(self.id).waiting(context.reason ?? ''),
        resumed: ({ self }) => owner(self.id).resumed(),
        timeOut: ({ self }, { state }) => owner(self.id).timedOut(state),
        end: ({ self, context }) => owner(self.id).ended(context.reason ?? ''),
      },
    });
    this.initial = this.machine.resolveState({ value: 'connecting', context: { reason: null } });
  }

  make(): ServerClient {
    const client = new ServerClient(`${this.#prefix}-${(++this.#made).toString(36)}`, this.#node);
    this.byId.set(client.id, client);
    return client;
  }

  /** The client whose session this is, if it is `userId`'s. */
  bySession(session: string, userId: string): ServerClient | undefined {
    const dot = session.indexOf('.');
    const client = this.byId.get(session.slice(0, dot));
    if (client === undefined || !client.authenticated || client.user.id !== userId) return undefined;
    return client.hasSecret(session.slice(dot + 1)) ? client : undefined;
  }

  /** Catches up with the inbox, then, in one turn: makes it live, says so, and sends what was missed. */
  admit(admitted: Admitted, failed: (error: unknown) => void): void {
    const { link, user, client, session, from } = admitted;
    client.arriving = link;
    const begin = (recovery: Recovery<Encoded>) => {
      if (link.open && client.arriving === link) return this.#welcome(admitted, recovery);
      user.feed?.leave(link);
      link.end(new Disconnect('REPLACED'));
    };
    const join = (feed: Feed<Encoded>): Awaitable<void> => {
      if (!link.open) return;
      if (session !== undefined && from !== undefined) return feed.recover(link, from, begin);
      const position = feed.join(link);
      const lost = { stream: feed.stream, from, to: position, reason: 'session' } as const;
      begin({ position, missed: lost.from === undefined ? [] : [{ gap: { ...lost, from: lost.from } }] });
    };
    const { ready } = user;
    whenReady(
      () => (isPromise(ready) ? ready.then(join) : join(ready)),
      () => {},
      failed,
    );
  }

  #welcome({ link, user, client, session }: Admitted, { missed, position }: Recovery<Encoded>): void {
    const { codec, limits, events, counters } = this.#node;
    const replaced = client.link === link ? undefined : client.link;
    const resumed = session !== undefined;
    events.hold();
    if (!resumed) {
      user.join();
      events.emit(
        { type: 'CLIENT_ONLINE', userId: user.id, clientId: client.id, at: link.connectedAt },
        user,
        client,
      );
    }
    client.attached(link, resumed);
    replaced?.end(new Disconnect('REPLACED'));
    if (resumed) counters.resumed++;
    const recovered = resumed && !missed.some((each) => 'gap' in each);
    link.send(
      new Encoded(
        codec.encode({
          op: 'connected',
          version: PROTOCOL_VERSION,
          clientId: client.id,
          userId: user.id,
          session: client.rotateSession(session),
          resumed,
          streams: { [INBOX]: { ...position, recovered } },
          status: user.status.status,
          pingIntervalMs: limits.pingIntervalMs,
          pongTimeoutMs: limits.pongTimeoutMs,
          limits: {
            maxFrameBytes: limits.maxFrameBytes,
            maxFramesPerSecond: limits.maxFramesPerSecond,
            maxBytesPerSecond: limits.maxBytesPerSecond,
            maxPendingRequests: limits.maxPendingRequests,
            maxRecipients: limits.maxRecipients,
            maxOutboxBytes: limits.maxOutboxBytes,
          },
        }),
      ),
    );
    for (const each of missed) replay(link, each);
    if (!resumed) this.#coming.next(client);
    events.release();
  }
}

function replay(link: Link, missed: Missed<Encoded>): void {
  if ('gap' in missed) link.gap(missed.gap);
  else link.deliver(missed.item);
}
