/** What is on the callboard, as the REST API has it. The schemas of the server are kept equal to this by their types. */

export const eventStates = ['public', 'private', 'draft'] as const;
/** `public` is on everybody's board; `private` is for who has its address; `draft` is its owner's alone. */
export type EventState = (typeof eventStates)[number];

export interface EventDraft {
  readonly headline: string;
  readonly description: string;
  readonly place: string;
  /** ISO 8601, with a zone. */
  readonly startsAt: string;
  readonly state: EventState;
}
export type EventChange = { readonly [Field in keyof EventDraft]?: EventDraft[Field] | undefined };

export interface TheatreEvent extends EventDraft {
  readonly id: string;
  readonly owner: { readonly id: string; readonly name: string };
  readonly isYours: boolean;
  /** Whether the viewer is down for it. */
  readonly isSubscribed: boolean;
  /** How many people are. */
  readonly subscribers: number;
  /** Its ETag's; counts what was changed. */
  readonly version: number;
}

export interface EventPage {
  readonly events: readonly TheatreEvent[];
  /** Where the next page begins; absent on the last. */
  readonly next?: string | undefined;
}

/** How the theatre is run. */
export interface HouseRules {
  /** Whether this is a demo: the company's password is known to all, and time can be moved on. */
  readonly demo: boolean;
  readonly limits: { readonly eventsEach: number; readonly subscriptionsEach: number };
  /** How long before an event who is down for it is told, in milliseconds, the longest first. */
  readonly leadTimesMs: readonly number[];
}

const MINUTES_MS = 5 * 60_000;
/**
 * So many hours from now, or a few minutes less, so that it looks like a time that somebody chose. Not more: a day before what begins in
 * 26 hours is then within the next two.
 */
export const startIn = (hours: number, now: number): string =>
  new Date(Math.floor((now + hours * 3_600_000) / MINUTES_MS) * MINUTES_MS).toISOString();

/** Of text, in UTF-16 units. */
export const MAX_HEADLINE = 80;
export const MAX_DESCRIPTION = 1_000;
export const MAX_PLACE = 80;
export const MAX_ABOUT = 140;

/** What a person is told: an action of the server's, in a notification. */
export interface EventSoon {
  readonly type: 'EVENT_SOON';
  readonly event: string;
  readonly headline: string;
  readonly place: string;
}
