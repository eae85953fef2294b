import { defineContract } from '@callboard/protocol';
import { z } from 'zod';
import { LIGHT_COMMANDS, LIGHTS, SENSORS } from './devices.ts';
import { MAX_NOTE_LENGTH } from './limits.ts';
import { shows } from './shows.ts';
import { CLOCK_CHANNEL } from './theatre-clock.ts';

const showIds = shows.map(({ id }) => id);
const mark = z.object({
  listed: z.boolean(),
  stamp: z.tuple([z.int().min(0), z.string().min(1).max(64)]).readonly(),
});
/** Only shows that are on the bill: so it has an end. */
const state = z.partialRecord(z.enum(showIds), mark);
/** Tonight's, where none is named. */
const tonight = z.enum(showIds).default(shows[0].id);
const seats = z.array(z.string()).readonly();
const onOrOff = z.enum(['on', 'off']);
const house = z.object({ left: z.int(), of: z.int(), taken: seats });

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
    /** Takes the next seat; SOLD_OUT where there is none, TOO_MANY where the user has enough. */
    TAKE_SEAT: {
      action: z.object({ show: tonight }),
      reply: house.extend({ seat: z.string() }),
    },
    /** Gives a seat back; NOT_YOURS where it is not the user's, or not any more. */
    RETURN_SEAT: {
      action: z.object({ show: z.enum(showIds), seat: z.string().max(8) }),
      reply: house,
    },
    SEATS_LEFT: { action: z.object({ show: tonight }), reply: house },
    /** The seats that the user holds, by show. */
    MY_SEATS: { action: z.object({}), reply: z.object({ seats: z.partialRecord(z.enum(showIds), seats) }) },
    /** From the server to all tabs of the user: those of this show are now these. */
    YOUR_SEATS: z.object({ show: z.enum(showIds), seats }),
    /** The user's clients, and whether they are there. */
    MY_TABS: {
      action: z.object({}),
      reply: z.object({ tabs: z.array(z.object({ clientId: z.string(), online: z.boolean() })) }),
    },
    /** With what anybody at a terminal is the spare thermometer. */
    SPARE_THERMOMETER: {
      action: z.object({}),
      reply: z.object({ port: z.int(), userName: z.string(), token: z.string() }),
    },
  },
  channels: {
    /** How a show's house is: each time all of it, so that the last one is enough for who comes late. */
    'show/+': house.extend({
      /** People who look at it, however many tabs they have. */
      watching: z.int(),
    }),
    /** How far the theatre's time is ahead of the machine's, in milliseconds: in the demo one can move it on. */
    [CLOCK_CHANNEL]: z.object({ aheadMs: z.int() }),
    /** What a sensor reads, and when that came, in milliseconds since 1970: a device sends the number alone. */
    [SENSORS]: z.number().transform((value) => ({ value, at: Date.now() })),
    /** How a light is: only the lighting board says that. */
    [LIGHTS]: onOrOff,
    /** How it should be. */
    [LIGHT_COMMANDS]: onOrOff,
  },
});
export type BoxOfficeContract = typeof contract;
