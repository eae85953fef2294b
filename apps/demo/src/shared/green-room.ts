/** Where everybody is who is in. Nothing is published there: one is seen. */
export const GREEN_ROOM = 'green-room';

/** What a tab says of itself there. */
export interface InGreenRoom {
  /** Somebody is at a note in it. */
  readonly writing?: boolean;
}
