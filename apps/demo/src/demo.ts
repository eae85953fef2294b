import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { consoleLogger, type Logger } from '@callboard/core';
import { mqttTransport } from '@callboard/transport-mqtt';
import { Accounts } from './accounts.ts';
import { createBoxOffice } from './box-office.ts';
import { houseBroker } from './device-channels.ts';
import { Houses } from './houses.ts';
import { Passes } from './passes.ts';
import { createWeb } from './web.ts';

export interface DemoOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** For devices. Default: any free one. */
  readonly mqttPort?: number;
  /** A broker with the house's devices, as `mqtt://127.0.0.1:1883`. Default: none. */
  readonly broker?: string | undefined;
  /** Signs tokens; 32 bytes or more. Default: a random one. */
  readonly secret?: string;
  /** Of every house. Default: those of `Houses`. */
  readonly seats?: number;
  /** Attempts to sign up or in, per address. Default 30. */
  readonly attemptsPerMinute?: number;
  /** That of a password's hash. Less than the default is for tests. */
  readonly passwordWork?: number;
  readonly logger?: Logger;
  /** The folder of the built page. */
  readonly pageRoot?: string;
}

/** Beside src/ and dist/ alike, so that it is right from both. */
const builtPage = fileURLToPath(new URL('../dist/page', import.meta.url));

/** Fastify and Callboard on one HTTP server, which listens on loopback only. */
export async function createDemo(options: DemoOptions) {
  const {
    port,
    mqttPort = 0,
    broker,
    secret,
    seats,
    attemptsPerMinute = 30,
    logger = consoleLogger({ level: 'warn' }),
    pageRoot = builtPage,
  } = options;
  const accounts = await Accounts.open(options.passwordWork);
  const passes = new Passes(secret);
  const houses = new Houses(seats);
  const mqtt = mqttTransport({ port: mqttPort, host: '127.0.0.1' });
  const gateways = broker === undefined ? [mqtt] : [mqtt, houseBroker(broker)];
  const web = await createWeb({
    accounts,
    passes,
    attemptsPerMinute,
    logger,
    pageRoot,
    isIn: (userId) => server.users.has(userId),
  });
  const server = createBoxOffice({
    accounts,
    passes,
    houses,
    httpServer: web.server,
    mqtt,
    gateways,
    logger,
  });

  return {
    web,
    server,
    accounts,
    passes,
    houses,
    /** Where devices come in, once it has started. */
    get mqttPort(): number {
      return mqtt.port as number;
    },
    /** The port it listens on. @throws what kept it from that. */
    async start(): Promise<number> {
      await server.start();
      try {
        await web.listen({ port, host: '127.0.0.1' });
      } catch (error) {
        await server.disconnect();
        throw error;
      }
      return (web.server.address() as AddressInfo).port;
    },
    async stop({ graceMs }: { graceMs?: number } = {}): Promise<void> {
      await server.disconnect(graceMs === undefined ? {} : { graceMs });
      await web.close();
    },
  };
}

export type Demo = Awaited<ReturnType<typeof createDemo>>;
