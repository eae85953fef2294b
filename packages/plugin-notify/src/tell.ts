import type { Claimed, Entry, Step } from './store.ts';
import type { Telling } from './ways.ts';

/** What `tell` does its work with. */
export interface TellHost {
  now(): number;
  readonly leaseMs: number;
  /** The node stops: what is begun is given back at the end of a page. */
  readonly stopping: boolean;
  page(
    claimed: Claimed,
    after: string | undefined,
  ): Promise<{ users: readonly string[]; next: string | undefined }>;
  /** Whether the lease held. */
  enter(entry: Entry): Promise<boolean>;
  /** By all ways. */
  spread(telling: Telling): Promise<void>;
  /** Whether the lease held. */
  settle(step: Step): Promise<boolean>;
}

/**
 * Tells a notice, page by page: into the inboxes, by all ways, and only then confirmed. Whoever goes on after a crash begins with the
 * page that was not confirmed.
 * @throws what the host throws.
 */
export async function tell(claimed: Claimed, host: TellHost): Promise<void> {
  const { id, lease, leadMs, dueAt, notification } = claimed;
  const { key, round, action, at, expiresAt } = notification;
  const why = skips(claimed, host.now());
  if (why !== undefined) {
    await host.settle({ id, lease, kind: 'skipped', why });
    return;
  }
  for (let after = claimed.cursor; ; ) {
    const { users, next } = await host.page(claimed, after);
    if (users.length > 0) {
      if (!(await host.enter({ id, lease, users }))) return;
      await host.spread({ id, key, round, action, at, leadMs, dueAt, expiresAt, users });
    }
    if (next === undefined) {
      await host.settle({ id, lease, kind: 'told' });
      return;
    }
    const until = host.now() + host.leaseMs;
    if (!(await host.settle({ id, lease, kind: 'page', cursor: next, until }))) return;
    if (host.stopping) {
      await host.settle({ id, lease, kind: 'release' });
      return;
    }
    after = next;
  }
}

/** Why a notice is told no more. */
function skips({ begun, superseded, dueAt, notification }: Claimed, now: number): string | undefined {
  const { expiresAt, withinMs } = notification;
  if (now >= expiresAt) return 'expired';
  if (superseded) return 'a later one is due';
  if (!begun && withinMs !== null && now - dueAt > withinMs) return 'missed';
  return undefined;
}
