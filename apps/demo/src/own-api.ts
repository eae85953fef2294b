import { randomBytes } from 'node:crypto';
import { isWaymark, type RefetchOptions } from '@callboard/plugin-refetch';
import type { FastifyRequest } from 'fastify';
import { Agent, type Dispatcher } from 'undici';

export interface OwnApiOptions {
  /** Where this process listens: known once it does, as 0 takes any free port. */
  readonly port: () => number;
  /** What is watched has changed: `server.refetch.bump`. */
  readonly bump: (path: string) => void;
}

/** The REST API of this process, whose pages the box office fetches for who watches them: by HTTP, as it would another's. */
export class OwnApi {
  readonly bump: (path: string) => void;
  /** Both sides of the waymark are in this process: nobody else needs it. */
  readonly #secret = randomBytes(32).toString('base64url');
  readonly #agent = new Agent();
  readonly #dispatcher: Dispatcher;

  constructor({ port, bump }: OwnApiOptions) {
    this.bump = bump;
    this.#dispatcher = this.#agent.compose(
      (dispatch) => (request, handler) => dispatch({ ...request, origin: `${UPSTREAM}:${port()}` }, handler),
    );
  }

  /** What the plugin refetch has to know of it. */
  get refetch(): RefetchOptions {
    return {
      upstream: UPSTREAM,
      paths: ['/api/shows/*', '/api/people/*'],
      waymark: { secret: this.#secret },
      dispatcher: this.#dispatcher,
    };
  }

  /** Nobody looks at the page: it is fetched again for who has it open. A header that anybody could have written does not count. */
  isRefetch({ headers, url }: FastifyRequest): boolean {
    return isWaymark(headers['x-waymark'], { secret: this.#secret, path: url });
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

const UPSTREAM = 'http://127.0.0.1';
