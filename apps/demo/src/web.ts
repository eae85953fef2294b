import type { Socket } from 'node:net';
import type { Logger } from '@callboard/core';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import { docs } from './docs.ts';
import { pageFiles } from './page-files.ts';
import { Refusal, refusalOf } from './refusal.ts';
import { type RestOptions, rest } from './rest.ts';

export interface WebOptions extends RestOptions {
  readonly logger: Logger;
  /** The folder of the built page. */
  readonly pageRoot: string;
}

/** The page may load its own files and talk to its own server, and nothing else. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const headers = {
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** What is plain HTTP: the page and the REST routes. Callboard joins it on its server. */
export async function createWeb({ logger, pageRoot, ...options }: WebOptions): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit: 4_096,
    // Browsers open connections ahead of need; one that has said nothing yet would hold up the end for a minute.
    forceCloseConnections: true,
    // A name that is a number is no name: nothing is bent to fit.
    frameworkErrors: (error, _request, reply) => {
      const refusal = refusalOf(error.statusCode ?? 500, error.message);
      void (reply as FastifyReply).code(refusal.statusCode).headers(headers).send(refusal.envelope);
    },
    clientErrorHandler: answerNonsense,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  });
  // JSON alone: a form of another page cannot send it.
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headers);
    // A page elsewhere may have its own name point to this machine.
    if (!loopbackNames.has(request.hostname)) throw new Refusal('WRONG_HOST');
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const { statusCode = 500, message } = error;
    const refusal = error instanceof Refusal ? error : refusalOf(statusCode, message);
    if (refusal.statusCode >= 500)
      logger.error('a route failed', { route: request.routeOptions.url, cause: error });
    return reply.code(refusal.statusCode).send(refusal.envelope);
  });
  app.setNotFoundHandler(() => {
    throw new Refusal('NOT_FOUND');
  });
  await docs(app);
  await app.register(rest, { prefix: '/api', ...options });
  await app.register(pageFiles, { root: pageRoot });
  return app;
}

const loopbackNames: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** To what is no HTTP. */
function answerNonsense({ code }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const body = JSON.stringify(new Refusal('INVALID', 'That is no HTTP.').envelope);
  const head = [
    'HTTP/1.1 400 Bad Request',
    'content-type: application/json',
    `content-length: ${body.length}`,
  ];
  socket.end([...head, 'connection: close', '', body].join('\r\n'));
}
