import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, until } from '@callboard/testkit';

export const redisIsHere =
  spawnSync('redis-server', ['--version']).error === undefined &&
  spawnSync('redis-cli', ['--version']).error === undefined;

/** A Redis of its own, which keeps nothing. */
export class Redis {
  readonly port: number;
  readonly #directory = mkdtempSync(join(tmpdir(), 'callboard-redis-'));
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  static async onFreePort(): Promise<Redis> {
    return new Redis(await freePort());
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(...settings: string[]): Promise<void> {
    const started = spawn(
      'redis-server',
      ['--port', `${this.port}`, '--bind', '127.0.0.1', '--save', '', '--dir', this.#directory, ...settings],
      { stdio: 'ignore' },
    );
    this.#process = started;
    await until(() => started.exitCode !== null || this.#answers(), 'Redis');
    if (started.exitCode !== null) throw new Error(`Redis ended: ${started.exitCode}`);
  }

  /** What redis-cli prints. */
  cli(...words: string[]): string {
    return execFileSync('redis-cli', ['-p', `${this.port}`, ...words], { encoding: 'utf8' }).trim();
  }

  /** As many have heard it as Redis says. */
  publish(channel: string, message: unknown): number {
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    return Number(this.cli('PUBLISH', channel, text));
  }

  /** SIGSTOP leaves its connections open, and says nothing any more. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null) return;
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return void running.kill(signal);
    this.#process = undefined;
    const exit = once(running, 'exit');
    running.kill(signal);
    await exit;
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #answers(): boolean {
    const { stdout } = spawnSync('redis-cli', ['-p', `${this.port}`, 'PING'], { encoding: 'utf8' });
    return /PONG|NOAUTH|WRONGPASS/.test(stdout);
  }
}
