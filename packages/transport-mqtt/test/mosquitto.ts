import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, until } from '@callboard/testkit';

/** Debian keeps it out of the path of users. */
const command = ['mosquitto', '/usr/sbin/mosquitto'].find(
  (each) => spawnSync(each, ['-h']).error === undefined,
);

export const mosquittoIsHere = command !== undefined;

/** In PEM. */
export interface BrokerTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A Mosquitto of its own, which keeps its sessions on disk. */
export class Mosquitto {
  readonly port: number;
  readonly #directory = mkdtempSync(join(tmpdir(), 'callboard-mosquitto-'));
  #process: ChildProcess | undefined;

  readonly #tls: BrokerTls | undefined;

  private constructor(port: number, tls: BrokerTls | undefined) {
    this.port = port;
    this.#tls = tls;
    const at = (name: string) => join(this.#directory, name);
    for (const [name, pem] of Object.entries(tls ?? {})) writeFileSync(at(name), pem);
    writeFileSync(
      join(this.#directory, 'mosquitto.conf'),
      [
        `listener ${port} 127.0.0.1`,
        'allow_anonymous true',
        ...(tls === undefined
          ? []
          : [
              `cafile ${at('ca')}`,
              `certfile ${at('cert')}`,
              `keyfile ${at('key')}`,
              'require_certificate true',
            ]),
        'persistence true',
        `persistence_location ${this.#directory}/`,
        ...(process.getuid?.() === 0 ? ['user root'] : []),
        '',
      ].join('\n'),
    );
  }

  /** @param tls with which it takes TLS alone, of who shows a certificate that `ca` has signed. */
  static async onFreePort(tls?: BrokerTls): Promise<Mosquitto> {
    return new Mosquitto(await freePort(), tls);
  }

  get url(): string {
    return `mqtt${this.#tls === undefined ? '' : 's'}://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const started = spawn(command as string, ['-c', join(this.#directory, 'mosquitto.conf')], {
      stdio: 'ignore',
    });
    this.#process = started;
    await until(async () => started.exitCode !== null || (await this.#answers()), 'Mosquitto');
    if (started.exitCode !== null) throw new Error(`Mosquitto ended: ${started.exitCode}`);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null) return;
    this.#process = undefined;
    const exit = once(running, 'exit');
    running.kill(signal);
    await exit;
  }

  /** It has written down messages of these topics: what it has acknowledged it writes when it likes, or is told to. */
  async saved(...topics: readonly string[]): Promise<void> {
    const file = join(this.#directory, 'mosquitto.db');
    this.#process?.kill('SIGUSR1');
    await until(() => {
      const written = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
      return topics.every((topic) => written.includes(topic));
    }, 'what Mosquitto keeps');
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #answers(): Promise<boolean> {
    const socket = connect(this.port, '127.0.0.1');
    return new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    }).finally(() => socket.destroy()) as Promise<boolean>;
  }
}
