import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Asked, TransportHost } from '@callboard/core';
import { SUBPROTOCOL } from '@callboard/protocol';
import { answerJson, answerNothing, refuse } from './answer.ts';
import { HttpConnection } from './connection.ts';
import type { Times } from './down.ts';
import type { Goodbye } from './up.ts';

/** Who a request belongs to, and what it wants: PROTOCOL.md, "HTTP". */
export class Entrance {
  readonly #host: TransportHost;
  readonly #times: Times;
  readonly #maxBodyBytes: number;
  /** By the secret that is their name. */
  readonly #connections = new Map<string, HttpConnection>();

  constructor(host: TransportHost, times: Times) {
    this.#host = host;
    this.#times = times;
    this.#maxBodyBytes = 2 * host.limits.maxFrameBytes;
  }

  visit(request: IncomingMessage, response: ServerResponse, asked: Asked): void {
    // Of what is gone there is nothing to be said.
    response.on('error', () => {});
    if (asked.refusal !== undefined) return refuse(response, asked.refusal);
    allowOrigin(request, response);
    switch (request.method) {
      case 'GET':
        return this.#get(request, response);
      case 'POST':
        return this.#post(request, response, asked);
      case 'OPTIONS':
        return answerNothing(response, preflight);
      default:
        response.setHeader('allow', METHODS);
        return refuse(response, 'METHOD_NOT_ALLOWED');
    }
  }

  /** Ends all connections. */
  end(): void {
    for (const connection of [...this.#connections.values()]) connection.terminate();
  }

  #get({ headers }: IncomingMessage, response: ServerResponse): void {
    const id = headers['callboard-connection'];
    if (id === undefined) return refuse(response, 'CONNECTION_MISSING');
    const poll = headers['callboard-poll'];
    const number = numberIn(poll);
    if (poll !== undefined && number === undefined) return refuse(response, 'INVALID_HEADER');
    const connection = this.#connections.get(String(id));
    if (connection === undefined) return refuse(response, 'UNKNOWN_CONNECTION');
    connection.get(response, number);
  }

  #post(request: IncomingMessage, response: ServerResponse, asked: Asked): void {
    const { headers } = request;
    const id = headers['callboard-connection'];
    if (id === undefined) return this.#open(response, asked);
    const first = numberIn(headers['callboard-frame']);
    const close = headers['callboard-close'];
    const goodbye = goodbyeIn(close);
    if (first === undefined || (close !== undefined && goodbye === undefined))
      return refuse(response, 'INVALID_HEADER');
    const connection = this.#connections.get(String(id));
    if (connection === undefined) return refuse(response, 'UNKNOWN_CONNECTION');
    connection.post(request, response, first, goodbye);
  }

  #open(response: ServerResponse, asked: Asked): void {
    const admitted = asked.admit();
    if ('status' in admitted) {
      this.#host.logger.info('a connection was refused', { code: admitted.code });
      return refuse(response, admitted);
    }
    const id = randomBytes(16).toString('base64url');
    const connection = new HttpConnection({
      clock: this.#host.clock,
      times: this.#times,
      maxBodyBytes: this.#maxBodyBytes,
      forget: () => this.#connections.delete(id),
    });
    this.#connections.set(id, connection);
    connection.begin(this.#host.accept(connection, admitted));
    answerJson(response, 201, {
      protocol: SUBPROTOCOL,
      connection: id,
      maxBodyBytes: this.#maxBodyBytes,
    });
  }
}

const METHODS = 'GET, POST, OPTIONS';

const preflight = {
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers':
    'authorization, callboard-connection, callboard-frame, callboard-close, callboard-poll',
  'access-control-max-age': '7200',
};

/** Lets the page read the answer, as its origin passed the server's checks. */
function allowOrigin({ headers: { origin } }: IncomingMessage, response: ServerResponse): void {
  response.setHeader('vary', 'origin');
  if (origin === undefined) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-allow-credentials', 'true');
}

/** A whole number from 1. */
function numberIn(header: string | string[] | undefined): number | undefined {
  return /^[1-9]\d{0,14}$/.test(String(header)) ? Number(header) : undefined;
}

/** A close code that a client may send, and a reason of as many bytes as WebSocket's has. */
function goodbyeIn(header: string | string[] | undefined): Goodbye | undefined {
  const [, code, reason = ''] = /^(1\d{3}|[34]\d{3})(?: (\S{0,369}))?$/.exec(String(header)) ?? [];
  if (code === undefined) return undefined;
  try {
    return { code: Number(code), reason: decodeURIComponent(reason) };
  } catch {
    return undefined;
  }
}
