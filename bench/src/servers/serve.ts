import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Command, Sample, Started } from '../control.ts';

export interface ServeOptions {
  /** Not listening yet; HTTPS in the TLS scenarios. */
  readonly httpServer: HttpServer;
  /** Its name, should a scenario need a server of its own kind. */
  readonly scenario: string;
}

/**
 * What a peer's server file calls: makes the process a server that the load starts and samples. `attach` puts
 * the peer on the HTTP server. The process ends with the load's.
 */
export function serve(attach: (options: ServeOptions) => void | Promise<void>): void {
  process.on('disconnect', () => process.exit());
  process.on('message', async (command: Command) => {
    process.send?.(command.cmd === 'start' ? await start(command) : await sample(command.gc));
  });

  async function start({ scenario, tls }: Extract<Command, { cmd: 'start' }>): Promise<Started> {
    const httpServer = tls ? createHttpsServer(tls) : createHttpServer();
    await attach({ httpServer, scenario });
    await new Promise<void>((listening) => {
      httpServer.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, listening);
    });
    return { port: (httpServer.address() as AddressInfo).port };
  }
}

async function sample(gc: boolean): Promise<Sample> {
  if (gc) {
    // Twice: finalizers of the first collection release memory to the second.
    for (let i = 0; i < 2; i++) {
      global.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { cpuMicros: user + system, rssBytes: rss, heldBytes: heapUsed + external };
}
