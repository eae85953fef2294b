import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Accounts, ProfileChange } from './accounts.ts';
import { etagOf, isUnchanged } from './etag.ts';
import type { OwnApi } from './own-api.ts';
import { Refusal } from './refusal.ts';
import { errors, ifMatch, jsonSchema, person, text, withId } from './schemas.ts';
import { MAX_ABOUT } from './shared/events.ts';
import { cardPath, MAX_NAME } from './shared/programme.ts';
import { type Door, versionOf } from './signed-in.ts';

/** All of it can be seen: nobody looks like somebody else. */
export const name = z
  .string()
  .min(1)
  .max(MAX_NAME)
  .regex(/^[^\s\p{C}]([^\p{C}]*[^\s\p{C}])?$/u);
export const password = z.string().min(8).max(200);

const profile = jsonSchema(
  person.extend({ about: z.string(), views: z.int().min(0), version: z.int().min(1) }),
  'output',
);
const change = jsonSchema(
  z
    .strictObject({
      name,
      about: text(MAX_ABOUT),
      password: z.strictObject({ current: password, next: password }),
    })
    .partial()
    .meta({ examples: [{ about: 'Says “go”.' }] }),
);
const tags = ['people'];
const security = [{ pass: [] }];
const params = jsonSchema(withId);

export interface PeopleRoutesOptions {
  readonly accounts: Accounts;
  readonly door: Door;
  readonly ownApi: OwnApi;
}

interface WithId {
  readonly Params: { readonly id: string };
}

/** One's own profile, and nobody else's. */
export async function peopleRoutes(
  app: FastifyInstance,
  { accounts, door, ownApi }: PeopleRoutesOptions,
): Promise<void> {
  app.get<WithId>(
    '/people/:id',
    {
      schema: {
        tags,
        security,
        summary: 'One’s own profile; counts the view',
        params,
        response: { 200: profile, ...errors },
      },
    },
    async (request, reply) => {
      const { id } = await door.signedIn(request);
      if (request.params.id !== id) throw new Refusal('NOT_YOURS');
      const found = await accounts.profile(id, { counts: !ownApi.isRefetch(request) });
      void reply.header('etag', etagOf(found));
      return isUnchanged(request, found) ? reply.code(304).send() : found;
    },
  );

  app.patch<WithId & { Body: ProfileChange }>(
    '/people/:id',
    {
      schema: {
        ...{ tags, security, summary: 'Change one’s own profile', params, headers: ifMatch },
        ...{ body: { ...change, minProperties: 1 }, response: { 200: profile, ...errors } },
      },
    },
    async (request, reply) => {
      const { id } = await door.signedIn(request);
      if (request.params.id !== id) throw new Refusal('NOT_YOURS');
      await accounts.change(id, versionOf(request), request.body);
      ownApi.bump(cardPath(id));
      const changed = await accounts.profile(id, { counts: false });
      return reply.header('etag', etagOf(changed)).send(changed);
    },
  );
}
