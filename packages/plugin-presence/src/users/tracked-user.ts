import type { Client } from '@callboard/core';
import type { UserStatus } from '@callboard/protocol';
import type { UseRule } from '../options.ts';
import type { Remembered } from '../store/store.ts';
import type { Due, Slot } from '../wheel.ts';
import type { Choice, OwnPresence, UserPresence, Versioned } from './contract.ts';
import { nowhere, type Place, type PresenceEvent, step } from './presence-machine.ts';
import type { Watcher } from './watcher.ts';

/** What others may see of a user: all that there is, what they saw last, or nothing. */
export type Sight = 'open' | 'fading' | 'none';

/** One client of a user, and whether somebody uses it. */
export class ClientUse implements Due {
  readonly client: Client;
  readonly rule: UseRule;
  connected = true;
  active: boolean;
  /** The tick to which it counts although its connection is lost. */
  until = 0;
  /** The tick at which it is idle unless it is used before: by the rule `used`. */
  idleAt = 0;
  slot: Slot | undefined;

  constructor(client: Client, rule: UseRule) {
    this.client = client;
    this.rule = rule;
    this.active = rule === 'told' ? client.activity !== 'idle' : rule === 'used';
  }
}

/** Of a user who has become invisible, and is seen yet as one who has closed the last page would be. */
export class Fading implements Due {
  readonly user: TrackedUser;
  /** As others see them until it is over. */
  readonly presence: UserPresence;
  slot: Slot | undefined;

  constructor(user: TrackedUser, presence: UserPresence) {
    this.user = user;
    this.presence = presence;
  }
}

/** A user who is there, or whom somebody watches. */
export class TrackedUser implements Due {
  readonly id: string;
  uses: readonly ClientUse[] = none;
  choice: Choice = 'auto';
  /** Whether the store has said what it knows of them: until then nobody sees them, who may want to be invisible. */
  known = false;
  fading: Fading | undefined;
  /** When others last saw them online. */
  lastSeenTs: number | null = null;
  /** When they ceased to be invisible, if that was since they came: others did not see what was before. */
  seenSinceTs = 0;
  /** The client that was used last. */
  activeClient: string | null = null;
  /** How many wait for what the store knows of them. */
  held = 0;
  /** The tick to which clients that have gone count. */
  until = 0;
  /** Clients of others that watch them, and their own that want to know. */
  watchers: Set<Watcher> | undefined;
  /** What their watchers were told last, and what their own clients were. */
  shown: Versioned<UserPresence> | undefined;
  ownShown: Versioned<OwnPresence> | undefined;
  slot: Slot | undefined;
  #place = nowhere;

  constructor(id: string) {
    this.id = id;
  }

  get state(): Place['state'] {
    return this.#place.state;
  }

  get status(): UserStatus {
    return this.#place.context.status;
  }

  get connected(): number {
    return this.uses.reduce((count, { connected }) => count + (connected ? 1 : 0), 0);
  }

  get active(): number {
    return this.uses.reduce((count, { connected, active }) => count + (connected && active ? 1 : 0), 0);
  }

  /** Takes in what holds now. Says whether that changed the status. */
  changed(at: number): boolean {
    const { connected, active, choice } = this;
    return this.#step({ type: 'CHANGED', connected, active, choice, at });
  }

  graceOver(): boolean {
    return this.#step({ type: 'GRACE_OVER' });
  }

  /** The tick at which the grace is over that begins now. */
  get graceUntil(): number {
    return this.uses.reduce((latest, { until }) => Math.max(latest, until), this.until);
  }

  /** What the store knows of them, unless it is old news. */
  recall({ lastOnlineTs, lastSeenTs, choice }: Remembered): void {
    const { state, context } = this.#place;
    this.choice = choice;
    this.lastSeenTs = lastSeenTs;
    const status = { ...context.status, lastOnlineTs: context.status.lastOnlineTs ?? lastOnlineTs };
    this.#place = { state, context: { ...context, status } };
  }

  get remembered(): Remembered {
    const { id, lastSeenTs, choice } = this;
    const { status, lastOnlineTs, onlineSinceTs } = this.status;
    // Of one who is there it is at least then.
    const lastOnline = status === 'OFFLINE' ? lastOnlineTs : onlineSinceTs;
    return { userId: id, lastOnlineTs: lastOnline, lastSeenTs: lastSeenTs, choice };
  }

  get sight(): Sight {
    if (this.fading !== undefined) return 'fading';
    return this.known && this.choice !== 'invisible' ? 'open' : 'none';
  }

  get isVisible(): boolean {
    return this.sight === 'open' && this.status.status !== 'OFFLINE';
  }

  /** As others see them. */
  get presence(): UserPresence {
    const { id, choice, lastSeenTs, seenSinceTs } = this;
    if (this.fading !== undefined) return this.fading.presence;
    if (!this.isVisible) return { ...nobody, userId: id, lastOnlineTs: lastSeenTs };
    const { userId, status, onlineSinceTs, awaySinceTs } = this.#told;
    return {
      ...{ userId, status, doNotDisturb: choice === 'doNotDisturb', lastOnlineTs: null },
      onlineSinceTs: onlineSinceTs && Math.max(onlineSinceTs, seenSinceTs),
      awaySinceTs: awaySinceTs && Math.max(awaySinceTs, seenSinceTs),
    };
  }

  /** As their own clients see them. */
  get own(): OwnPresence {
    const { choice, activeClient } = this;
    const doNotDisturb = choice === 'doNotDisturb' && this.status.status !== 'OFFLINE';
    return { ...this.#told, doNotDisturb, choice, activeClient };
  }

  get #told() {
    const { status, onlineSinceTs, lastOnlineTs, awaySinceTs } = this.status;
    return { userId: this.id, status, onlineSinceTs, lastOnlineTs, awaySinceTs };
  }

  #step(event: PresenceEvent): boolean {
    const { status } = this;
    this.#place = step(this.#place, event);
    return this.status !== status;
  }
}

const none: readonly ClientUse[] = [];
const nobody = {
  status: 'OFFLINE',
  doNotDisturb: false,
  onlineSinceTs: null,
  awaySinceTs: null,
} as const;
