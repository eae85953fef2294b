import type { Client } from '@callboard/core';
import type { UserStatus } from '@callboard/protocol';
import type { UseRule } from '../options.ts';
import type { Remembered } from '../store/store.ts';
import type { Due, Wheel } from '../wheel.ts';
import type { Choice, OwnPresence, UserPresence, Versioned } from './contract.ts';
import { type Place, step } from './presence-machine.ts';
import type { Watcher } from './watcher.ts';

/** Graces, and clients that nobody may use any more. */
export type UserWheel = Wheel<ClientUse | TrackedUser>;

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
  slot: Set<unknown> | undefined;

  constructor(client: Client, rule: UseRule) {
    this.client = client;
    this.rule = rule;
    this.active = rule !== 'never';
  }
}

/** A user who is there, or whom somebody watches. */
export class TrackedUser implements Due {
  readonly id: string;
  uses: readonly ClientUse[] = none;
  choice: Choice = 'auto';
  /** Whether the store has said what it knows of them: until then nobody sees them, who may want to be invisible. */
  known = false;
  /** When others last saw them online. */
  lastSeenTs: number | null = null;
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
  slot: Set<unknown> | undefined;
  #place: Place;

  constructor(id: string, status: UserStatus) {
    this.id = id;
    this.#place = {
      state: status.status === 'OFFLINE' ? 'offline' : 'online',
      context: { status, lostAt: 0 },
    };
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
  changed(at: number, wheel: UserWheel): boolean {
    const { connected, active, choice } = this;
    return this.#step({ type: 'CHANGED', connected, active, choice, at }, wheel);
  }

  graceOver(wheel: UserWheel): boolean {
    return this.#step({ type: 'GRACE_OVER' }, wheel);
  }

  /** What the store knows of them, unless it is old news. */
  recall({ lastOnlineTs, lastSeenTs, choice }: Remembered): void {
    const { state, context } = this.#place;
    this.choice = choice;
    this.lastSeenTs ??= lastSeenTs;
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

  get isVisible(): boolean {
    return this.known && this.choice !== 'invisible' && this.status.status !== 'OFFLINE';
  }

  /** As others see them. */
  get presence(): UserPresence {
    const { id, choice, lastSeenTs } = this;
    if (!this.isVisible) return { ...nobody, userId: id, lastOnlineTs: lastSeenTs };
    return { ...this.#told, doNotDisturb: choice === 'doNotDisturb', lastOnlineTs: null };
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

  #step(event: Parameters<typeof step>[1], wheel: UserWheel): boolean {
    const before = this.#place;
    const { state, context } = step(before, event);
    this.#place = { state, context };
    if (state === 'grace' && before.state !== 'grace') {
      const until = this.uses.reduce((latest, use) => Math.max(latest, use.until), this.until);
      wheel.wait(this, until);
    }
    return context.status !== before.context.status;
  }
}

const none: readonly ClientUse[] = [];
const nobody = {
  status: 'OFFLINE',
  doNotDisturb: false,
  onlineSinceTs: null,
  awaySinceTs: null,
} as const;
