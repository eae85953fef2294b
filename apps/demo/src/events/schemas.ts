import { z } from 'zod';
import { id, jsonSchema, line, text } from '../schemas.ts';
import {
  type EventChange,
  type EventDraft,
  type EventPage,
  eventStates,
  MAX_DESCRIPTION,
  MAX_HEADLINE,
  MAX_PLACE,
  type TheatreEvent,
} from '../shared/events.ts';

const example = {
  headline: 'Read-through',
  description: 'Bring the book, and a pencil.',
  place: 'Rehearsal room',
  startsAt: '2030-01-31T19:30:00+01:00',
  state: 'public',
} as const satisfies EventDraft;

const draft = z.strictObject({
  headline: line(MAX_HEADLINE),
  description: text(MAX_DESCRIPTION),
  place: line(MAX_PLACE),
  startsAt: z.iso.datetime({ offset: true }).max(35),
  state: z.enum(eventStates),
}) satisfies z.ZodType<EventDraft>;
const change = draft.partial() satisfies z.ZodType<EventChange>;
const event = draft.extend({
  id,
  owner: z.object({ id: z.string(), name: z.string() }),
  isYours: z.boolean(),
  isSubscribed: z.boolean(),
  subscribers: z.int().min(0),
  version: z.int().min(1),
}) satisfies z.ZodType<TheatreEvent>;
const page = z.object({ events: z.array(event), next: z.string().optional() }) satisfies z.ZodType<EventPage>;

const exampleEvent: TheatreEvent = {
  ...example,
  id: 'Rg6u8bWXWEpukbxB',
  startsAt: '2030-01-31T18:30:00.000Z',
  owner: { id: 'orla', name: 'Orla Finch' },
  isYours: true,
  isSubscribed: false,
  subscribers: 0,
  version: 1,
};

/** As Fastify wants them. */
export const schemas = {
  draft: jsonSchema(draft.meta({ examples: [example] })),
  change: {
    ...jsonSchema(change.meta({ examples: [{ headline: 'Stagger-through' }] })),
    minProperties: 1,
  },
  event: jsonSchema(event.meta({ examples: [exampleEvent] }), 'output'),
  page: jsonSchema(page, 'output'),
  /** Query parameters are text. */
  paging: jsonSchema(
    z.strictObject({
      after: z.string().max(90).optional(),
      limit: z
        .string()
        .regex(/^[1-9]\d?$|^100$/)
        .optional(),
    }),
  ),
};
