import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** What a process says of itself: counts since it began, and its CPU time in milliseconds. */
export type Counts = Readonly<Record<string, number>> & { readonly cpuMs: number };

/** In the process: says its port, and then does what it is told, and how much there was. */
export function answer(port: number, told: (said: string) => Readonly<Record<string, number>>): void {
  process.send?.(port);
  process.on('message', (said: string) => {
    const counts = told(said);
    const { user, system } = process.cpuUsage();
    process.send?.({ ...counts, cpuMs: (user + system) / 1_000 });
  });
  process.on('disconnect', () => process.exit());
}

/** Outside of it. */
export class Part {
  readonly port: number;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#process = child;
    this.port = port;
  }

  static async start(file: string, ...args: string[]): Promise<Part> {
    const child = fork(new URL(file, import.meta.url), args);
    const [port] = await once(child, 'message');
    return new Part(child, port);
  }

  async tell(what: 'edit' | 'bump' | 'ping' | 'count'): Promise<Counts> {
    this.#process.send(what);
    const [counts] = await once(this.#process, 'message');
    return counts;
  }

  stop(): void {
    this.#process.disconnect();
  }
}
