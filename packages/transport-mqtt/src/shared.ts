import type { GatewayPublication } from '@callboard/core';
import type { Outgoing } from './in-flight.ts';
import type { Session } from './session.ts';
import type { Subscription } from './subscription.ts';

/** Of a shared subscription (MQTT 5, section 4.8.2), its group and its filter; undefined where it is none. */
export function sharedParts(filter: string): { readonly group: string; readonly filter: string } | undefined {
  const [share, group, ...levels] = filter.split('/');
  return share === '$share' ? { group: group ?? '', filter: levels.join('/') } : undefined;
}

/** Who shares one filter by one name: each publication is for one of them, in turns, of those that are connected. */
export class SharedGroup {
  readonly #members: Subscription[] = [];
  /** With the name: `$share/name/…`. */
  readonly filter: string;
  readonly #empty: () => void;
  /** What has come in this turn, and for whom: who may read differs. */
  #publication: GatewayPublication | undefined;
  #candidates: Subscription[] = [];
  #turns = 0;

  constructor(filter: string, empty: () => void) {
    this.filter = filter;
    this.#empty = empty;
  }

  join(member: Subscription): void {
    this.#members.push(member);
  }

  leave(member: Subscription): void {
    const at = this.#members.indexOf(member);
    if (at < 0) return;
    this.#members.splice(at, 1);
    if (this.#members.length === 0) this.#empty();
  }

  /** Once for each member that may read it, all in one turn. */
  offer(publication: GatewayPublication, member: Subscription): void {
    if (this.#publication !== publication) {
      this.#decide();
      this.#publication = publication;
      queueMicrotask(() => this.#decide());
    }
    this.#candidates.push(member);
  }

  /** Whether somebody else is connected. */
  hasOther(session: Session): boolean {
    return this.#members.some((member) => member.session !== session && member.session.online);
  }

  /** Gives what one that is gone was to have to another; back where there is none. */
  pass({ publication, qos }: Outgoing, from: Session): boolean {
    const others = this.#members.filter(({ session }) => session !== from);
    if (others.length === 0) return false;
    this.#give(publication, others, qos);
    return true;
  }

  #decide(): void {
    const publication = this.#publication;
    const candidates = this.#candidates;
    this.#publication = undefined;
    this.#candidates = [];
    if (publication !== undefined) this.#give(publication, candidates, 2);
  }

  #give(publication: GatewayPublication, candidates: readonly Subscription[], maxQos: number): void {
    const online = candidates.filter(({ session }) => session.online);
    const able = online.length > 0 ? online : candidates;
    const member = able[this.#turns++ % able.length];
    if (member === undefined) return;
    const qos = Math.min(member.qos, maxQos) as 0 | 1 | 2;
    member.session.deliver(publication, qos, false, { identifiers: member.identifiers, group: this });
  }
}

/** The groups of one server. */
export class SharedGroups {
  readonly #byFilter = new Map<string, SharedGroup>();

  /** @param filter with the name: `$share/name/…`. */
  of(filter: string): SharedGroup {
    const known = this.#byFilter.get(filter);
    if (known !== undefined) return known;
    const group = new SharedGroup(filter, () => this.#byFilter.delete(filter));
    this.#byFilter.set(filter, group);
    return group;
  }
}
