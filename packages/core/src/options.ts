import type { Server as HttpServer } from 'node:http';
import type { Contract } from '@callboard/protocol';
import type { Inspect, Logger } from '@callboard/runtime';
import type { TrustProxy } from './admission.ts';
import type { Handler, Handlers, Middleware, VerifyClient } from './api.ts';
import type { ChannelPolicies } from './channels/policy.ts';
import type { DependencyContainer } from './container.ts';
import type { Gateway } from './gateways/port.ts';
import type { Limits } from './limits.ts';
import type { Plugin } from './plugin.ts';
import type { CanSend } from './requests/send.ts';
import type { Provision } from './tokens.ts';
import type { Transport } from './transport.ts';

export interface ServerOptions<
  C extends Contract = Contract,
  P extends readonly Plugin[] = readonly Plugin[],
> {
  /** Listens here; 0 takes a free one. Without it, and without `httpServer`, nothing listens for HTTP. */
  readonly port?: number;
  /** Where to listen. Default: everywhere with a verifier, 127.0.0.1 without one. */
  readonly host?: string;
  /** The application's own HTTP or HTTPS server (Express, Fastify …), which it makes listen, unless `port` is given too. */
  readonly httpServer?: HttpServer;
  readonly transports: readonly (Transport | Gateway)[];
  readonly plugins?: P;
  /** Without it a server takes connections from this machine alone, and believes every user id. */
  readonly verifyClient?: VerifyClient;
  /** Origins of pages that may connect, as in `https://app.example`. Default: the server's own. */
  readonly origins?: readonly string[];
  /** Refuse what did not come over TLS. Default false. */
  readonly requireSecure?: boolean;
  /** Proxies whose forwarding headers are believed. Default false. */
  readonly trustProxy?: TrustProxy;
  readonly canSend?: CanSend;
  /** Policies by pattern. Without one that fits, a channel is closed to clients and keeps nothing. */
  readonly channels?: ChannelPolicies;
  readonly handler?: Handler<C>;
  readonly handlers?: Handlers<C>;
  /** Mount path → connect-style middleware, on the same HTTP server. */
  readonly expressUse?: Readonly<Record<string, Middleware>>;
  readonly contract?: C;
  readonly limits?: Partial<Limits>;
  readonly logger?: Logger;
  /** Bearer token for GET /stats. Default: only requests from this machine see it. */
  readonly statsToken?: string;
  /** Whether clients see the messages of errors that handlers throw. Default: unless NODE_ENV is `production`. */
  readonly exposeErrors?: boolean;
  /** Gets the inspection events of all actors, as the Stately inspector wants them. */
  readonly inspect?: Inspect;
  /** The application's own clock, stream log, verifier … for this server: see `tokens`. */
  readonly provide?: readonly Provision[];
  /** The application's tsyringe container; what is registered there wins over the defaults. */
  readonly container?: DependencyContainer;
}
