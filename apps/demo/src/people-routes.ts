import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import { z } from 'zod';
import type { Accounts, ProfileChange } from './accounts.ts';
import type { EndClients } from './ended-tokens.ts';
import { etagOf, isUnchanged } from './etag.ts';
import type { OwnApi } from './own-api.ts';
import type { Passes } from './passes.ts';
import { Refusal } from './refusal.ts';
import { errors, id, ifMatch, jsonSchema, person, text, withId } from './schemas.ts';
import { MAX_ABOUT } from './shared/events.ts';
import { cardPath, MAX_EMAIL, MAX_NAME } from './shared/programme.ts';
import { type Door, versionOf } from './signed-in.ts';

/** All of it can be seen: nobody looks like somebody else. */
export const name = z
  .string()
  .min(1)
  .max(MAX_NAME)
  .regex(/^[^\s\p{C}]([^\p{C}]*[^\s\p{C}])?$/u);
/** No longer than an address can be (RFC 5321, section 4.5.3.1.3, without its brackets). */
export const email = z.email().max(MAX_EMAIL);
export const password = z.string().min(8).max(200);

const profile = person.extend({
  email: z.string().nullable(),
  about: z.string(),
  views: z.int().min(0),
  version: z.int().min(1),
});
const changed = profile.extend({
  token: z
    .string()
    .optional()
    .describe('Where the password was changed: all before it are at their end, and their connections closed'),
});
const current = password.describe('The password as it is');
const change = jsonSchema(
  z
    .strictObject({
      name,
      about: text(MAX_ABOUT),
      email: z.strictObject({ current, next: email }),
      password: z.strictObject({
        current,
        next: password,
        client: id.optional().describe('Of one’s own clients the one whose connection stays'),
      }),
    })
    .partial()
    .meta({ examples: [{ about: 'Says “go”.' }] }),
);
const tags = ['people'];
const security = [{ pass: [] }];
const params = jsonSchema(withId);

export interface PeopleRoutesOptions {
  readonly accounts: Accounts;
  readonly passes: Passes;
  readonly door: Door;
  readonly ownApi: OwnApi;
  readonly endClients: EndClients;
  readonly attempts: Attempts;
}

/** Of a route that tells whether a password is right: of one budget for each address. */
export interface Attempts {
  readonly onRequest: onRequestHookHandler;
  /** In place of the budget of other requests. */
  readonly config: { readonly rateLimit: false };
}

interface Change extends ProfileChange {
  readonly password?: NonNullable<ProfileChange['password']> & { readonly client?: string };
}

interface WithId {
  readonly Params: { readonly id: string };
}

/** One's own profile, and nobody else's. */
export async function peopleRoutes(
  app: FastifyInstance,
  { accounts, passes, door, ownApi, endClients, attempts }: PeopleRoutesOptions,
): Promise<void> {
  app.get<WithId>(
    '/people/:id',
    {
      schema: {
        tags,
        security,
        summary: 'One’s own profile; counts the view',
        params,
        response: { 200: jsonSchema(profile, 'output'), ...errors },
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

  app.patch<WithId & { Body: Change }>(
    '/people/:id',
    {
      schema: {
        ...{ tags, security, summary: 'Change one’s own profile', params, headers: ifMatch },
        body: { ...change, minProperties: 1 },
        response: { 200: jsonSchema(changed, 'output'), ...errors },
      },
      ...attempts,
    },
    async (request, reply) => {
      const { id } = await door.signedIn(request);
      if (request.params.id !== id) throw new Refusal('NOT_YOURS');
      const { password } = request.body;
      const tokenVersion = await accounts.change(id, versionOf(request), request.body);
      if (password) endClients(id, password.client);
      ownApi.bump(cardPath(id));
      const changed = await accounts.profile(id, { counts: false });
      const token = password && (await passes.issue(id, { tokenVersion }));
      return reply.header('etag', etagOf(changed)).send({ ...changed, token });
    },
  );
}
