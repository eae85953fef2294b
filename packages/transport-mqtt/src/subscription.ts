import type { GatewayPublication } from '@callboard/core';
import type { QoS } from './dialect.ts';
import type { Session } from './session.ts';
import { type SharedGroup, type SharedGroups, sharedParts } from './shared.ts';

/** What a device asks for with a filter (MQTT 5, section 3.8.3.1). */
export interface SubscriptionOptions {
  readonly qos: QoS;
  /** Not what the device itself publishes. */
  readonly noLocal?: boolean;
  /** RETAIN as it was published, not only on last values. */
  readonly retainAsPublished?: boolean;
  readonly identifier?: number | undefined;
}

/** @param filter as the device says it. */
export function subscriptionTo(
  session: Session,
  filter: string,
  options: SubscriptionOptions,
  groups: SharedGroups,
): Subscription {
  const shared = sharedParts(filter);
  return new Subscription(
    session,
    filter,
    options,
    shared && { group: groups.of(filter), filter: shared.filter },
  );
}

/** One filter of a session, with its options. */
export class Subscription {
  /** As the device says it. */
  readonly filter: string;
  /** What core reads by: without the group. */
  readonly topicFilter: string;
  readonly session: Session;
  readonly group: SharedGroup | undefined;
  readonly options: SubscriptionOptions;
  readonly identifiers: readonly number[] | undefined;

  constructor(
    session: Session,
    filter: string,
    options: SubscriptionOptions,
    shared?: { readonly group: SharedGroup; readonly filter: string },
  ) {
    this.session = session;
    this.filter = filter;
    this.topicFilter = shared?.filter ?? filter;
    this.group = shared?.group;
    this.options = options;
    this.identifiers = options.identifier === undefined ? undefined : [options.identifier];
  }

  get qos(): QoS {
    return this.options.qos;
  }

  /** Whether it is for this one [MQTT-3.8.3-3]. */
  wants(publication: GatewayPublication): boolean {
    // Only then: what others are told is read from the frame that they are sent.
    return (
      this.options.noLocal !== true || publication.content.from?.clientId !== this.session.core.client.id
    );
  }
}
