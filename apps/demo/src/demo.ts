import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { consoleLogger, type Logger, systemClock } from '@callboard/core';
import { mqttTransport } from '@callboard/transport-mqtt';
import { Accounts } from './accounts.ts';
import { createBoxOffice, isIn } from './box-office.ts';
import { openDatabase } from './database/database.ts';
import { houseBroker } from './device-channels.ts';
import { endClients } from './ended-tokens.ts';
import { EventNotices } from './events/event-notices.ts';
import { type EventLimits, Events } from './events/events.ts';
import { pinFirstNotices } from './events/first-notices.ts';
import type { Patience } from './green-room.ts';
import { Houses } from './houses.ts';
import { OwnApi } from './own-api.ts';
import { Passes } from './passes.ts';
import { Passwords } from './passwords.ts';
import { Programmes } from './programmes/programmes.ts';
import type { HouseRules } from './shared/events.ts';
import { TheatreClock } from './shared/theatre-clock.ts';
import { createWeb } from './web.ts';

export interface DemoOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** For devices. Default: any free one. */
  readonly mqttPort?: number;
  /** A broker with the house's devices, as `mqtt://127.0.0.1:1883`. Default: none. */
  readonly broker?: string | undefined;
  /** Whose channel `callboard` commands the server, as `redis://127.0.0.1:6379`. Default: none. */
  readonly redis?: string;
  /** Signs tokens; 32 bytes or more. Default: a random one, which production refuses. */
  readonly secret?: string;
  /** Then nobody has a password that is printed, and time cannot be moved. Default false. */
  readonly production?: boolean;
  /** A folder for SQLite, or the URL of a PostgreSQL, MySQL or MariaDB database. Default: `:memory:`, which keeps nothing. */
  readonly database?: string;
  /** Whether the company sees to it at each start that something hangs on the callboard; in production never. Default false. */
  readonly firstNotices?: boolean;
  /** What one person may have. Default: 5 events, 10 subscriptions. */
  readonly limits?: EventLimits;
  /** How long before an event who is down for it is told, in milliseconds. Default: a day and an hour. */
  readonly leadTimesMs?: readonly number[];
  /** Of every house. Default: those of `Houses`. */
  readonly seats?: number;
  /** Attempts to sign up or in, and changes of a profile, per address. Default 30. */
  readonly attemptsPerMinute?: number;
  /** Requests to the REST API, of one person, or of an address that has not signed in. Default 20. */
  readonly requestsPerSecond?: number;
  /** Other origins whose pages may use the REST API. Default: none. */
  readonly origins?: readonly string[];
  /** That of a password's hash, in KiB. Less than the default is for tests. */
  readonly passwordWork?: number;
  /** Default: that of the plugin. */
  readonly patience?: Patience;
  readonly logger?: Logger;
  /** The folder of the built page. */
  readonly pageRoot?: string;
}

/** Beside src/ and dist/ alike, so that it is right from both. */
const builtPage = fileURLToPath(new URL('../dist/page', import.meta.url));

const hourMs = 3_600_000;

/**
 * Fastify and Callboard on one HTTP server, which listens on loopback only.
 *
 * @throws RangeError in production without a secret, and what kept the database from being opened
 */
export async function createDemo(options: DemoOptions) {
  const { port, mqttPort = 0, broker, secret, production = false, seats, pageRoot = builtPage } = options;
  const { limits = { eventsEach: 5, subscriptionsEach: 10 }, leadTimesMs = [24 * hourMs, hourMs] } = options;
  const { firstNotices = false, attemptsPerMinute = 30, requestsPerSecond = 20, origins = [] } = options;
  const { patience = {}, logger = consoleLogger({ level: 'warn' }) } = options;
  if (production && secret === undefined) throw new RangeError('production needs a secret of its own');
  const passes = new Passes(secret);
  const clock = new TheatreClock(systemClock);
  const houses = new Houses(seats);
  const mqtt = mqttTransport({ port: mqttPort, host: '127.0.0.1' });
  const gateways = broker === undefined ? [mqtt] : [mqtt, houseBroker(broker)];
  const database = await openDatabase(options.database ?? ':memory:');
  const accounts = await Accounts.open(database, {
    withCompany: !production,
    passwords: new Passwords(options.passwordWork),
  });
  const events = new Events(database, limits, () => clock.now());
  const notices = new EventNotices({
    ...{ database, logger, leadTimesMs },
    clock: systemClock,
    notifications: () => server.notify,
  });
  const programmes = await Programmes.open(database);
  const ownApi = new OwnApi({
    port: () => (web.server.address() as AddressInfo).port,
    bump: (path) => void server.refetch.bump(path),
  });
  const rules: HouseRules = { demo: !production, limits, leadTimesMs };
  const web = await createWeb({
    ...{
      accounts,
      passes,
      events,
      notices,
      programmes,
      ownApi,
      rules,
      attemptsPerMinute,
      requestsPerSecond,
      origins,
    },
    ...{ clock, logger, pageRoot },
    isIn: (userId) => isIn(server, userId),
    endClients: (userId, spared) => endClients(server, userId, spared),
    isBusy: () => (server.stats().plugins.notify?.busy ?? 0) > 0,
  });
  const server = createBoxOffice({
    ...{ accounts, passes, houses, mqtt, gateways, clock, patience, logger },
    httpServer: web.server,
    refetch: ownApi.refetch,
    redis: options.redis,
    notify: {
      store: database.notifyStore,
      audiences: { subscribers: (asked) => notices.subscribers(asked) },
    },
  });

  return {
    web,
    server,
    accounts,
    passes,
    houses,
    events,
    notices,
    database,
    clock,
    /** Where devices come in, once it has started. */
    get mqttPort(): number {
      return mqtt.port as number;
    },
    /** The port it listens on. @throws what kept it from that. */
    async start(): Promise<number> {
      await server.start();
      try {
        if (firstNotices && !production) await pinFirstNotices(events, clock.now());
        // What was written when it stopped, or crashed, and not told to notifications.
        await notices.catchUp();
        await web.listen({ port, host: '127.0.0.1' });
      } catch (error) {
        await server.disconnect();
        throw error;
      }
      return (web.server.address() as AddressInfo).port;
    },
    async stop({ graceMs }: { graceMs?: number } = {}): Promise<void> {
      await notices.stop();
      await server.disconnect(graceMs === undefined ? {} : { graceMs });
      await ownApi.close();
      await web.close();
      await database.close();
    },
  };
}

export type Demo = Awaited<ReturnType<typeof createDemo>>;
