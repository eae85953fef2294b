import type { FastifyInstance, FastifyReply } from 'fastify';
import { errors, ifMatch, jsonSchema, withId } from '../schemas.ts';
import type { EventChange, EventDraft, TheatreEvent } from '../shared/events.ts';
import { type Door, versionOf } from '../signed-in.ts';
import type { EventNotices } from './event-notices.ts';
import type { Events } from './events.ts';
import { schemas } from './schemas.ts';

export interface EventRoutesOptions {
  readonly events: Events;
  readonly notices: EventNotices;
  readonly door: Door;
}

interface WithId {
  readonly Params: { readonly id: string };
}

const tags = ['events'];
const security = [{ pass: [] }];
const params = jsonSchema(withId);
/** A description of characters that are written with six each, and the rest. */
const bodyLimit = 16_384;
const MOST_LISTED = 50;

/** What is on the callboard. */
export async function eventRoutes(app: FastifyInstance, options: EventRoutesOptions): Promise<void> {
  const { events, notices, door } = options;

  app.get<{ Querystring: { after?: string; limit?: string } }>(
    '/events',
    {
      schema: {
        ...{ tags, summary: 'What is to come, and all that one posted or is down for, by start' },
        querystring: schemas.paging,
        response: { 200: schemas.page, ...errors },
      },
    },
    async (request) => {
      const viewer = await door.anybody(request);
      const { after, limit = MOST_LISTED } = request.query;
      return events.list(viewer?.id, { after, limit: Number(limit) });
    },
  );

  app.post<{ Body: EventDraft }>(
    '/events',
    {
      bodyLimit,
      schema: {
        ...{ tags, security, summary: 'Post one', body: schemas.draft },
        response: { 201: schemas.event, ...errors },
      },
    },
    async (request, reply) => {
      const { id } = await door.signedIn(request);
      const event = await events.post(id, request.body);
      await notices.catchUp();
      return tagged(reply.code(201).header('location', `/api/events/${event.id}`), event);
    },
  );

  app.get<WithId>(
    '/events/:id',
    { schema: { tags, summary: 'One of them', params, response: { 200: schemas.event, ...errors } } },
    async (request, reply) => {
      const viewer = await door.anybody(request);
      return tagged(reply, await events.get(request.params.id, viewer?.id));
    },
  );

  app.patch<WithId & { Body: EventChange }>(
    '/events/:id',
    {
      bodyLimit,
      schema: {
        ...{ tags, security, summary: 'Change one’s own', params, headers: ifMatch, body: schemas.change },
        response: { 200: schemas.event, ...errors },
      },
    },
    async (request, reply) => {
      const { id } = await door.signedIn(request);
      const event = await events.change(request.params.id, id, versionOf(request), request.body);
      await notices.catchUp();
      return tagged(reply, event);
    },
  );

  app.delete<WithId>(
    '/events/:id',
    {
      schema: { tags, security, summary: 'Take one’s own down', params, response: { 204: none, ...errors } },
    },
    async (request, reply) => {
      const { id } = await door.signedIn(request);
      await events.remove(request.params.id, id);
      await notices.catchUp();
      return reply.code(204).send();
    },
  );

  app.put<WithId>(
    '/events/:id/subscription',
    {
      schema: {
        ...{ tags, security, summary: 'Put oneself down for it', params },
        response: { 200: schemas.event, ...errors },
      },
    },
    async (request, reply) => {
      const { id } = await door.signedIn(request);
      return tagged(reply, await events.subscribe(request.params.id, id));
    },
  );

  app.delete<WithId>(
    '/events/:id/subscription',
    { schema: { tags, security, summary: 'Strike oneself off', params, response: { 204: none, ...errors } } },
    async (request, reply) => {
      const { id } = await door.signedIn(request);
      await events.unsubscribe(request.params.id, id);
      return reply.code(204).send();
    },
  );
}

const none = { type: 'null', description: 'Done' };

/** Weak, as who is down for it is not of the version. */
function tagged(reply: FastifyReply, event: TheatreEvent): FastifyReply {
  return reply.header('etag', `W/"${event.version}"`).send(event);
}
