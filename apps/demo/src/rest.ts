import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Account, Accounts } from './accounts.ts';
import type { EventNotices } from './events/event-notices.ts';
import type { Events } from './events/events.ts';
import { eventRoutes } from './events/routes.ts';
import type { OwnApi } from './own-api.ts';
import type { Passes } from './passes.ts';
import { name, password, peopleRoutes } from './people-routes.ts';
import type { Programmes } from './programmes/programmes.ts';
import { programmeRoutes } from './programmes/routes.ts';
import { Refusal } from './refusal.ts';
import { errors, jsonSchema, person } from './schemas.ts';
import { COMPANY_PASSWORD, company } from './shared/company.ts';
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
  /** Attempts to sign up or in, per address. */
  readonly attemptsPerMinute: number;
  /** Of one person, or of an address that has not signed in. */
  readonly requestsPerSecond: number;
  /** Other origins whose pages may ask. */
  readonly origins: readonly string[];
}

interface Login {
  readonly name: string;
  readonly password: string;
}

const tags = ['door'];
const security = [{ pass: [] }];
/** In the demo this is good. */
const exampleLogin = { name: company[0].name, password: COMPANY_PASSWORD };
const login = {
  tags,
  body: jsonSchema(z.strictObject({ name, password }).meta({ examples: [exampleLogin] })),
};
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
    keyGenerator: ({ holder, ip }) => holder ?? ip,
  });
  app.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'));
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, () => {
    throw new Refusal('NOT_FOUND');
  });

  const door = new Door(accounts);
  const signedIn = async (account: Account) => ({ token: await passes.issue(account.id), user: account });
  // One budget for both: who guesses names and who guesses passwords are the same.
  const onRequest = app.rateLimit({
    max: attemptsPerMinute,
    timeWindow: '1 minute',
    keyGenerator: ({ ip }) => ip,
  });
  const config = { rateLimit: false as const };

  app.post<{ Body: Login }>(
    '/sign-up',
    {
      schema: { ...login, summary: 'Open an account', response: { 201: pass, ...errors } },
      onRequest,
      config,
    },
    async ({ body }, reply) =>
      reply.code(201).send(await signedIn(await accounts.signUp(body.name, body.password))),
  );

  app.post<{ Body: Login }>(
    '/sign-in',
    { schema: { ...login, summary: 'Have a token', response: { 200: pass, ...errors } }, onRequest, config },
    async ({ body }) => signedIn(await accounts.signIn(body.name, body.password)),
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
  await app.register(peopleRoutes, { accounts, door, ownApi });
  await app.register(eventRoutes, { events: options.events, notices: options.notices, door });
  const { clock, isBusy } = options;
  if (rules.demo) await app.register(clockRoutes, { clock, isBusy, door });
}
