/** Of a note, in UTF-16 units. */
export const MAX_NOTE_LENGTH = 280;
/** That one person may hold, for each show. */
export const MAX_SEATS_EACH = 4;
