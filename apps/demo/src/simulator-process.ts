import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Logger } from '@callboard/core';
import type { Passes } from './passes.ts';
import { type DeviceId, SPARE, sensors } from './shared/devices.ts';

/** What the process is told once it runs. */
export interface SimulatorOrders {
  readonly port: number;
  /** By device, for those that it is to simulate. */
  readonly tokens: Partial<Record<DeviceId, string>>;
}

export interface SimulatorOptions {
  /** Where the server takes devices. */
  readonly port: number;
  readonly passes: Passes;
  readonly logger: Logger;
}

/** Beside src/ and dist/ alike, so that it is right from both. */
const simulator = fileURLToPath(new URL('../dist/simulator.js', import.meta.url));
const BEFORE_THE_NEXT_MS = 1_000;

/** The house's devices, simulated in a process of their own: another one where it dies, none once it is stopped. */
export class SimulatorProcess {
  readonly #options: SimulatorOptions;
  #child!: ChildProcess;
  #next: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: SimulatorOptions) {
    this.#options = options;
    this.#launch();
  }

  /** Of the present one. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#next);
    this.#child.kill();
  }

  #launch(): void {
    const { logger } = this.#options;
    const child = fork(simulator, { execArgv: [] });
    this.#child = child;
    child.once('exit', (code, signal) => {
      if (this.#isStopped) return;
      logger.warn('the simulated devices have died', { code, signal });
      this.#next = setTimeout(() => this.#launch(), BEFORE_THE_NEXT_MS);
    });
    child.on('error', (cause) => logger.error('the simulated devices failed', { cause }));
    this.#orders().then(
      // It may be gone by now: then there is a next one.
      (orders) => child.connected && child.send(orders),
      (cause: unknown) => logger.error('the simulated devices have no tokens', { cause }),
    );
  }

  /** Tokens go neither into arguments nor into the environment, where others could read them. */
  async #orders(): Promise<SimulatorOrders> {
    const { port, passes } = this.#options;
    const devices = sensors.map(({ device }) => device).filter((device) => device !== SPARE);
    const tokens = await Promise.all(devices.map(async (device) => [device, await passes.issue(device)]));
    return { port, tokens: Object.fromEntries(tokens) };
  }
}
