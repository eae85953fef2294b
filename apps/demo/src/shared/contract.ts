import { defineContract } from '@callboard/protocol';
import { z } from 'zod';
import { MAX_NOTE_LENGTH } from './limits.ts';
import { shows } from './shows.ts';

const showIds = shows.map(({ id }) => id);
const mark = z.object({
  listed: z.boolean(),
  stamp: z.tuple([z.int().min(0), z.string().min(1).max(64)]).readonly(),
});
/** Only shows that are on the bill: so it has an end. */
const state = z.partialRecord(z.enum(showIds), mark);

/**
 * What the box office understands. The server checks by it what arrives; the page uses its type alone, so that no
 * schema is in the bundle.
 */
export const contract = defineContract({
  actions: {
    /** To the user's other tabs. The server listens too, and keeps the sum. */
    SHORTLIST_UPDATE: z.object({ state }),
    /** To other users. */
    NOTE: z.object({ text: z.string().trim().min(1).max(MAX_NOTE_LENGTH) }),
    /** The sum of all that the user's tabs have sent. */
    SHORTLIST: { action: z.object({}), reply: z.object({ state }) },
    /** Takes the next seat for tonight; SOLD_OUT where there is none. */
    TAKE_SEAT: {
      action: z.object({}),
      reply: z.object({ seat: z.string(), left: z.int() }),
    },
    SEATS_LEFT: {
      action: z.object({}),
      reply: z.object({ left: z.int(), of: z.int() }),
    },
    /** The user's clients, and whether they are there. */
    MY_TABS: {
      action: z.object({}),
      reply: z.object({ tabs: z.array(z.object({ clientId: z.string(), online: z.boolean() })) }),
    },
  },
});
export type BoxOfficeContract = typeof contract;
