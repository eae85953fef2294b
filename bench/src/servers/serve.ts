import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Command, Profile, Sample, Started } from '../control.ts';
import { costOf } from './process-cost.ts';
import { beginProfile, endProfile } from './profile.ts';

export interface ServeOptions {
  /** Not listening yet; HTTPS in the TLS scenarios. */
  readonly httpServer: HttpServer;
  /** Its name, should a scenario need a server of its own kind. */
  readonly scenario: string;
}

/** Where the peer listens, where that is not on the HTTP server, and a process of its own whose CPU time is part of the figure. */
// biome-ignore lint/suspicious/noConfusingVoidType: most of them have nothing to say
export type Attached = { readonly port?: number; readonly helper?: number } | void;

/**
 * What a peer's server file calls: makes the process a server that the load starts and samples. `attach` puts
 * the peer on the HTTP server, or says where else it listens. The process ends with the load's.
 */
export function serve(attach: (options: ServeOptions) => Attached | Promise<Attached>): void {
  for (const gone of ['disconnect', 'SIGTERM']) process.on(gone, () => process.exit());
  process.on('message', async (command: Command) => {
    process.send?.(await answer(command));
  });

  function answer(command: Command): Promise<Started | Sample | Profile> {
    switch (command.cmd) {
      case 'start':
        return start(command);
      case 'sample':
        return sample(command.gc);
      case 'profile':
        return command.begin ? beginProfile() : endProfile();
    }
  }

  async function start({ scenario, tls, watchLoop }: Extract<Command, { cmd: 'start' }>): Promise<Started> {
    const httpServer = tls ? createHttpsServer(tls) : createHttpServer();
    const attached = await attach({ httpServer, scenario });
    if (watchLoop) {
      turns = monitorEventLoopDelay({ resolution: 1 });
      turns.enable();
    }
    helper = attached?.helper;
    await new Promise<void>((listening) => {
      httpServer.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, listening);
    });
    const { port } = httpServer.address() as AddressInfo;
    return { port: attached?.port ?? port, webSocketPort: port };
  }
}

/** Of a timer that is due every millisecond: how late it was, and that millisecond. */
let turns: IntervalHistogram | undefined;
let helper: number | undefined;

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
  const sampled = {
    cpuMicros: user + system + (helper === undefined ? 0 : costOf(helper).cpuMicros),
    rssBytes: rss,
    peakRssBytes: process.resourceUsage().maxRSS * 1_024,
    heldBytes: heapUsed + external,
  };
  if (turns === undefined) return sampled;
  const took = { longestMs: turns.max / 1e6, p99Ms: turns.percentile(99) / 1e6 };
  turns.reset();
  return { ...sampled, turns: took };
}
