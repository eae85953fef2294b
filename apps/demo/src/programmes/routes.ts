import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { etagOf, isUnchanged } from '../etag.ts';
import type { OwnApi } from '../own-api.ts';
import { errors, ifMatch, jsonSchema, text, withId } from '../schemas.ts';
import {
  MAX_CAST_NOTE,
  MAX_SYNOPSIS,
  type Programme,
  type ProgrammeChange,
  programmePath,
} from '../shared/programme.ts';
import { type Door, versionOf } from '../signed-in.ts';
import type { Programmes } from './programmes.ts';

const programme = jsonSchema(
  z.object({
    id: z.string(),
    title: z.string(),
    kind: z.string(),
    line: z.string(),
    when: z.string(),
    synopsis: z.string(),
    castNote: z.string(),
    views: z.int().min(0),
    version: z.int().min(1),
    mayChange: z.boolean(),
  } satisfies Readonly<Record<keyof Programme, z.ZodType>>),
  'output',
);
const change = jsonSchema(
  z
    .strictObject({ synopsis: text(MAX_SYNOPSIS), castNote: text(MAX_CAST_NOTE) })
    .partial()
    .meta({ examples: [{ castNote: 'The tenth guest: Winifred Osei.' }] }),
);
const tags = ['theatre'];
const security = [{ pass: [] }];
const params = jsonSchema(withId);

export interface ProgrammeRoutesOptions {
  readonly programmes: Programmes;
  readonly door: Door;
  readonly ownApi: OwnApi;
}

interface WithId {
  readonly Params: { readonly id: string };
}

/** What can be read about a show. */
export async function programmeRoutes(
  app: FastifyInstance,
  { programmes, door, ownApi }: ProgrammeRoutesOptions,
): Promise<void> {
  app.get<WithId>(
    '/shows/:id',
    {
      schema: {
        ...{ tags, security, summary: 'A show’s programme; this counts as a view', params },
        response: { 200: programme, ...errors },
      },
    },
    async (request, reply) => {
      const { id } = await door.signedIn(request);
      const found = await programmes.read(request.params.id, id, { counts: !ownApi.isRefetch(request) });
      void reply.header('etag', etagOf(found));
      return isUnchanged(request, found) ? reply.code(304).send() : found;
    },
  );

  app.patch<WithId & { Body: ProgrammeChange }>(
    '/shows/:id',
    {
      schema: {
        ...{ tags, security, summary: 'Change a programme, as one of the company', params, headers: ifMatch },
        ...{ body: { ...change, minProperties: 1 }, response: { 200: programme, ...errors } },
      },
    },
    async (request, reply) => {
      const { id } = await door.signedIn(request);
      const show = request.params.id;
      await programmes.change(show, id, versionOf(request), request.body);
      ownApi.bump(programmePath(show));
      const changed = await programmes.read(show, id, { counts: false });
      return reply.header('etag', etagOf(changed)).send(changed);
    },
  );
}
