import {
  createServer,
  type Plugin,
  type PluginApis,
  provide,
  type Server,
  type ServerOptions,
  type Transport,
  tokens,
} from '@callboard/core';
import type { Contract, UserId } from '@callboard/protocol';
import { collectingLogger, type LogEntry } from './logs.ts';
import {
  type MemoryPeer,
  type MemoryTransport,
  type MemoryWire,
  memoryTransport,
} from './memory-transport.ts';
import { SimulatedClock } from './simulated-clock.ts';
import { TestClient } from './test-client.ts';
import type { TestClientOptions } from './test-client-options.ts';

export interface HarnessOptions<
  C extends Contract = Contract,
  P extends readonly Plugin[] = readonly Plugin[],
> extends Omit<ServerOptions<C, P>, 'transports' | 'logger'> {
  /** Besides the memory transport. */
  readonly transports?: readonly Transport[];
  /** Default: one of its own. */
  readonly clock?: SimulatedClock;
}

/** What a client is connected with, besides its user id. */
export interface HarnessClientOptions extends Omit<TestClientOptions, 'userId' | 'settle' | 'timeoutMs'> {
  /** What the transport is to know about it: address, origin, headers … */
  readonly peer?: MemoryPeer;
}

/** A client over the memory transport: `client.wire` can be frozen, too. */
export type MemoryClient = TestClient<MemoryWire>;

/** A server that runs in memory and in simulated time, and clients of it. */
export interface Harness<C extends Contract = Contract, P extends readonly Plugin[] = readonly []> {
  readonly server: Server<C> & PluginApis<P>;
  readonly clock: SimulatedClock;
  readonly transport: MemoryTransport;
  /** What the server logged. */
  readonly logs: readonly LogEntry[];
  /** Of that, what it logged as an error. */
  readonly errors: readonly LogEntry[];
  /** A client that is welcomed. */
  connect(userId: UserId, options?: HarnessClientOptions): Promise<MemoryClient>;
  /** A client that has yet to `connect()`, `dial()` or `open()`. */
  client(userId: UserId | undefined, options?: HarnessClientOptions): MemoryClient;
  /** Lets time pass until `work` is done, and no further. @throws what it throws, or after 5 simulated minutes. */
  until<T>(work: Promise<T>): Promise<T>;
}

/** Makes a server and starts it. Nothing outside of the process is touched, so nothing needs closing either. */
export async function createHarness<
  const C extends Contract = Contract,
  const P extends readonly Plugin[] = readonly [],
>(options: HarnessOptions<C, P> = {}): Promise<Harness<C, P>> {
  const { clock = new SimulatedClock() } = options;
  const transport = memoryTransport();
  const logger = collectingLogger();
  const server = createServer<C, P>({
    ...options,
    transports: [transport, ...(options.transports ?? [])],
    logger,
    provide: [provide(tokens.clock, clock), ...(options.provide ?? [])],
  });
  await server.start();
  const client = (userId: UserId | undefined, { peer, ...rest }: HarnessClientOptions = {}) =>
    new TestClient(() => transport.connect(peer), {
      ...rest,
      ...(userId !== undefined && { userId }),
      settle: () => clock.settle(),
    });
  return {
    server,
    clock,
    transport,
    logs: logger.logs,
    get errors() {
      return logger.logs.filter(({ level }) => level === 'error');
    },
    client,
    async connect(userId, clientOptions) {
      const made = client(userId, clientOptions);
      await made.connect();
      return made;
    },
    until: (work) => until(clock, work),
  };
}

const STEP_MS = 100;
const LONGEST_MS = 300_000;

async function until<T>(clock: SimulatedClock, work: Promise<T>): Promise<T> {
  let done = false;
  const settled = () => {
    done = true;
  };
  work.then(settled, settled);
  await clock.settle();
  for (let passed = 0; !done; passed += STEP_MS) {
    if (passed >= LONGEST_MS) throw new Error(`not done within ${LONGEST_MS} simulated milliseconds`);
    await clock.advanceAsync(STEP_MS);
  }
  return work;
}
