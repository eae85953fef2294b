import type { ConnectedFrame, Contract, ServerFrame } from '@callboard/protocol';
import { collectingLogger, SimulatedClock } from '@callboard/testkit';
import {
  type Client,
  type ClientOptions,
  type ClientPlugin,
  type ClientPluginApis,
  createClient,
} from '../src/index.ts';
import { connected, resultOf, type ScriptedOptions, ScriptedTransport } from './scripted-transport.ts';

/** A client in simulated time, whose server is the test. */
export class ScriptedClient<P extends readonly ClientPlugin[] = readonly []> {
  readonly clock = new SimulatedClock();
  readonly logger = collectingLogger();
  readonly transport: ScriptedTransport;
  readonly client: Client & ClientPluginApis<P>;

  constructor(
    options: Partial<ClientOptions<Contract, P>> = {},
    { scripted }: { readonly scripted?: ScriptedOptions } = {},
  ) {
    this.transport = new ScriptedTransport(scripted);
    this.client = createClient<Contract, P>({
      endPoint: 'ws://server',
      userId: 44,
      timers: this.clock,
      random: () => 0.5,
      logger: this.logger,
      transport: this.transport,
      ...options,
    });
  }

  get server() {
    return this.transport.last;
  }

  get state() {
    return this.client.actor.getSnapshot().value;
  }

  /** What was logged: levels and messages. */
  get logs(): string[] {
    return this.logger.logs.map(({ level, message }) => `${level}: ${message}`);
  }

  /** The connection is open, and nothing has come yet. */
  async opened(): Promise<void> {
    await this.clock.settle();
    this.server.open();
  }

  /** The client is connected; what it asks for by itself has been answered and is not among what is taken. */
  async online(fields: Partial<ConnectedFrame> = {}): Promise<void> {
    await this.opened();
    this.receive(connected(fields));
    await this.answerAll();
    this.server.take();
  }

  /** The connection is lost, and the client is back as soon as it tries. */
  async back(fields: Partial<ConnectedFrame> = {}): Promise<void> {
    this.server.cut();
    void this.client.connect();
    await this.online(fields);
  }

  receive(frame: ServerFrame | string): void {
    this.server.receive(frame);
  }

  /** Replies to all that was written and not taken. */
  async answerAll(): Promise<void> {
    for (const frame of this.server.take())
      if ('mid' in frame) this.receive({ op: 'reply', mid: frame.mid, result: resultOf(frame) });
    await this.clock.settle();
  }
}

/** Comes back with its session. */
export const resumed = { resumed: true, session: 'secret-2' } as const;
