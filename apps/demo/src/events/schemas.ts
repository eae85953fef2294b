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
  subscribers: z.int(),
  version: z.int(),
}) satisfies z.ZodType<TheatreEvent>;
const page = z.object({ events: z.array(event), next: z.string().optional() }) satisfies z.ZodType<EventPage>;

/** As Fastify wants them. */
export const schemas = {
  draft: jsonSchema(draft),
  change: { ...jsonSchema(change), minProperties: 1 },
  event: jsonSchema(event, 'output'),
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
