import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Accounts, Login, SignedIn } from './accounts.ts';
import type { EndClients } from './ended-tokens.ts';
import type { EventNotices } from './events/event-notices.ts';
import type { Events } from './events/events.ts';
import { eventRoutes } from './events/routes.ts';
import type { OwnApi } from './own-api.ts';
import type { Passes } from './passes.ts';
import { type Attempts, email, name, password, peopleRoutes } from './people-routes.ts';
import type { Programmes } from './programmes/programmes.ts';
import { programmeRoutes } from './programmes/routes.ts';
import { Refusal } from './refusal.ts';
import { errors, jsonSchema, person } from './schemas.ts';
import { COMPANY_PASSWORD, company, emailOf } from './shared/company.ts';
import type { HouseRules } from './shared/events.ts';
import { shows } from './shared/shows.ts';
import type { TheatreClock } from './shared/theatre-clock.ts';
import { Door, readPasses, tokenOf } from './signed-in.ts';
import { clockRoutes } from './theatre-time.ts';

export interface RestOptions {
  readonly accounts: Accounts;
  readonly passes: Passes;
  readonly events: Events;
  readonly notices: EventNotices;
  readonly programmes: Programmes;
  readonly ownApi: OwnApi;
  readonly rules: HouseRules;
  readonly clock: TheatreClock;
  /** Whether a notification is being scheduled or told. */
  readonly isBusy: () => boolean;
  /** Whether one of the user's tabs is connected, or about to come back, for all to see. */
  readonly isIn: (userId: string) => Promise<boolean>;
  readonly endClients: EndClients;
  /** Attempts to sign up or in, and changes of a profile, per address. */
  readonly attemptsPerMinute: number;
  /** Of one person, or of an address that has not signed in. */
  readonly requestsPerSecond: number;
  /** Other origins whose pages may ask. */
  readonly origins: readonly string[];
}

const tags = ['door'];
const security = [{ pass: [] }];
/** In the demo this is good. */
const exampleLogin = { email: emailOf(company[0].id), password: COMPANY_PASSWORD };
const login = z.strictObject({ email, password }).meta({ examples: [exampleLogin] });
const newcomer = z
  .strictObject({ email, name, password })
  .meta({ examples: [{ email: 'ada@example.org', name: 'Ada Byrne', password: 'correct horse' }] });
const pass = jsonSchema(z.object({ token: z.string(), user: person }), 'output');
const show = z.object({
  id: z.string(),
  title: z.string(),
  kind: z.string(),
  line: z.string(),
  when: z.string(),
});
const rulesSchema = z.object({
  demo: z.boolean(),
  limits: z.object({ eventsEach: z.int(), subscriptionsEach: z.int() }),
  leadTimesMs: z.array(z.int()),
}) satisfies z.ZodType<HouseRules>;

/** The routes under /api. */
export async function rest(app: FastifyInstance, options: RestOptions): Promise<void> {
  const { accounts, passes, isIn, rules, attemptsPerMinute, requestsPerSecond, origins } = options;
  // First, so that what is refused has its headers as well.
  await app.register(cors, {
    origin: origins.length > 0 && [...origins],
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'if-match'],
    exposedHeaders: ['etag', 'location', 'retry-after'],
    maxAge: 600,
  });
  readPasses(app, passes);
  await app.register(rateLimit, {
    max: requestsPerSecond,
    timeWindow: 1_000,
    // Who carries a token that was ended takes nothing from who ended it.
    keyGenerator: ({ bearer, ip }) => (bearer ? `${bearer.id} ${bearer.tokenVersion}` : ip),
  });
  app.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'));
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, () => {
    throw new Refusal('NOT_FOUND');
  });

  const door = new Door(accounts);
  const passOf = async ({ account, tokenVersion }: SignedIn) => ({
    token: await passes.issue(account.id, { tokenVersion }),
    user: account,
  });
  // One budget for all that tells whether a password is right, or an e-mail is taken.
  const attempts: Attempts = {
    onRequest: app.rateLimit({
      max: attemptsPerMinute,
      timeWindow: '1 minute',
      keyGenerator: ({ ip }) => ip,
    }),
    config: { rateLimit: false },
  };

  app.post<{ Body: z.infer<typeof newcomer> }>(
    '/sign-up',
    {
      schema: {
        ...{ tags, summary: 'Open an account' },
        ...{ body: jsonSchema(newcomer), response: { 201: pass, ...errors } },
      },
      ...attempts,
    },
    async ({ body: { name, ...login } }, reply) =>
      reply.code(201).send(await passOf(await accounts.signUp(name, login))),
  );

  app.post<{ Body: Login }>(
    '/sign-in',
    {
      schema: {
        ...{ tags, summary: 'Have a token' },
        ...{ body: jsonSchema(login), response: { 200: pass, ...errors } },
      },
      ...attempts,
    },
    async ({ body }) => passOf(await accounts.signIn(body)),
  );

  app.post(
    '/renew',
    {
      schema: {
        ...{
          tags,
          security,
          summary: 'Have another token for one that is still good, for a week after signing in',
        },
        response: { 200: pass, ...errors },
      },
    },
    async (request) => {
      const user = await door.signedIn(request);
      const token = await passes.renew(tokenOf(request) ?? '');
      if (token === undefined) throw new Refusal('NO_PASS');
      return { token, user };
    },
  );

  app.get(
    '/rules',
    {
      schema: {
        tags,
        summary: 'How the theatre is run',
        response: { 200: jsonSchema(rulesSchema, 'output'), ...errors },
      },
    },
    async () => rules,
  );

  app.get(
    '/shows',
    {
      schema: {
        ...{ tags: ['theatre'], summary: 'The bill' },
        response: { 200: jsonSchema(z.object({ shows: z.array(show) }), 'output'), ...errors },
      },
    },
    async () => ({ shows }),
  );

  app.get(
    '/company',
    {
      schema: {
        ...{ tags: ['theatre'], security, summary: 'Who has an account, and who of them is in' },
        response: {
          200: jsonSchema(z.object({ company: z.array(person.extend({ isIn: z.boolean() })) }), 'output'),
          ...errors,
        },
      },
    },
    async (request) => {
      await door.signedIn(request);
      const all = (await accounts.all()).map(async (account) => ({
        ...account,
        isIn: await isIn(account.id),
      }));
      return { company: await Promise.all(all) };
    },
  );

  const { programmes, ownApi } = options;
  await app.register(programmeRoutes, { programmes, door, ownApi });
  const { endClients } = options;
  await app.register(peopleRoutes, { accounts, passes, door, ownApi, endClients, attempts });
  await app.register(eventRoutes, { events: options.events, notices: options.notices, door });
  const { clock, isBusy } = options;
  if (rules.demo) await app.register(clockRoutes, { clock, isBusy, door });
}
