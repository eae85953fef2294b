import type { Show } from './shows.ts';

/** What can be read about a show, as the REST API has it: its programme, printed anew whenever somebody of the company changes it. */
export interface Programme extends Show {
  readonly synopsis: string;
  /** Who plays whom, and what else the stage manager wants to be known. */
  readonly castNote: string;
  /** How often it was looked at. */
  readonly views: number;
  /** Its ETag's; counts what was changed. */
  readonly version: number;
  /** Whether the viewer may change it. */
  readonly mayChange: boolean;
}
export interface ProgrammeChange {
  readonly synopsis?: string | undefined;
  readonly castNote?: string | undefined;
}

/** A person's own card, as the REST API has it. */
export interface Card {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  /** What they sign in with; null where they signed up before there were any. */
  readonly email: string | null;
  readonly about: string;
  /** How often it was looked at. */
  readonly views: number;
  /** Its ETag's; counts what was changed. */
  readonly version: number;
}
export interface ChangedCard extends Card {
  /** Where the password was changed: those before it are at their end. */
  readonly token?: string;
}

/** Paths that can be watched. */
export const programmePath = (show: string): string => `/api/shows/${show}`;
export const cardPath = (person: string): string => `/api/people/${person}`;

/** Of text, in UTF-16 units. */
export const MAX_NAME = 40;
export const MAX_EMAIL = 254;
export const MAX_SYNOPSIS = 600;
export const MAX_CAST_NOTE = 300;
