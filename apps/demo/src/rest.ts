import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Account, Accounts } from './accounts.ts';
import type { Passes } from './passes.ts';
import { shows } from './shared/shows.ts';

export interface RestOptions {
  readonly accounts: Accounts;
  readonly passes: Passes;
  /** Whether one of the user's tabs is connected, or about to come back. */
  readonly isIn: (userId: string) => boolean;
  /** Attempts to sign up or in, per address. */
  readonly attemptsPerMinute: number;
}

interface Login {
  readonly name: string;
  readonly password: string;
}

const login = {
  body: {
    type: 'object',
    required: ['name', 'password'],
    additionalProperties: false,
    properties: {
      // Neither spaces around it nor characters that cannot be seen.
      name: {
        type: 'string',
        minLength: 1,
        maxLength: 40,
        pattern: '^[^\\s\\p{C}]([^\\p{C}]*[^\\s\\p{C}])?$',
      },
      password: { type: 'string', minLength: 8, maxLength: 200 },
    },
  },
};

/** The routes under /api. */
export async function rest(app: FastifyInstance, options: RestOptions): Promise<void> {
  const { accounts, passes, isIn, attemptsPerMinute } = options;
  await app.register(rateLimit, { global: false });
  app.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'));

  const signedIn = async (account: Account) => ({ token: await passes.issue(account.id), user: account });
  // One budget for both: who guesses names and who guesses passwords are the same.
  const limited = app.rateLimit({ max: attemptsPerMinute, timeWindow: '1 minute' });

  app.post<{ Body: Login }>('/sign-up', { schema: login, onRequest: limited }, async ({ body }, reply) => {
    const account = await accounts.signUp(body.name, body.password);
    if (account === 'TAKEN') return refuse(reply, 409, 'NAME_TAKEN', 'Somebody has that name already.');
    if (account === 'FULL') return refuse(reply, 503, 'FULL', 'The book is full.');
    return reply.code(201).send(await signedIn(account));
  });

  app.post<{ Body: Login }>('/sign-in', { schema: login, onRequest: limited }, async ({ body }, reply) => {
    const account = await accounts.signIn(body.name, body.password);
    if (account === undefined) return refuse(reply, 401, 'WRONG', 'Name and password do not go together.');
    return signedIn(account);
  });

  app.get('/shows', async () => ({ shows }));

  app.get('/company', async (request, reply) => {
    const holder = await holderOf(request, passes);
    if (holder === undefined || accounts.byId(holder) === undefined)
      return refuse(reply, 401, 'NO_PASS', 'Sign in first.');
    return { company: accounts.all.map((account) => ({ ...account, isIn: isIn(account.id) })) };
  });
}

async function holderOf({ headers }: FastifyRequest, passes: Passes): Promise<string | undefined> {
  const token = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  return token === undefined ? undefined : passes.holder(token);
}

export function refuse(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  return reply.code(status).send({ error: { code, message } });
}
