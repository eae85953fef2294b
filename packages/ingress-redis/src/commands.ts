import type { Clock, Logger, Server } from '@callboard/core';
import { fromWire } from '@callboard/protocol';
import { type Command, Malformed, parseCommand, validCommand } from './command.ts';
import { LimitedLog } from './limited-log.ts';

/** Makes commands of what is published on a channel of somebody else's; nothing where it does not matter. */
export type Mapping = (message: string, channel: string) => Command | readonly Command[] | undefined;

export interface CommandLimits {
  /** Of a message's text, in bytes of UTF-8. Default 1,048,576. */
  readonly maxMessageBytes: number;
  /** Commands that are being carried out, because a stream's log is slow; those beyond are dropped. Default 10,000. */
  readonly maxRunning: number;
}

/** What the plugin refetch adds to a server, as far as commands want it. */
interface Refetch {
  bump(paths: string | readonly string[], options: { version?: number; delayMs?: number }): unknown;
}

/** Carries out what messages command. Nothing that is in them, or fails, comes back to whom they are from: it is counted. */
export class Commands {
  /** Carried out. */
  done = 0;
  /** Of no use, and ignored. */
  malformed = 0;
  /** Understood, and refused by the server, or it could not. */
  failed = 0;
  /** Over `maxRunning`. */
  dropped = 0;
  running = 0;
  readonly #server: Server;
  readonly #limits: CommandLimits;
  readonly #log: LimitedLog;

  constructor(server: Server, clock: Clock, logger: Logger, limits: CommandLimits) {
    this.#server = server;
    this.#limits = limits;
    this.#log = new LimitedLog(clock, logger);
  }

  /** A message on the command channel, or with a mapping on another. Never throws. */
  receive(message: string, channel: string, mapping?: Mapping): void {
    let commands: readonly Command[];
    try {
      if (Buffer.byteLength(message) > this.#limits.maxMessageBytes) throw new Malformed('it is too long');
      commands = mapping === undefined ? [parseCommand(message)] : mapped(mapping(message, channel));
    } catch (error) {
      this.malformed++;
      // What else a mapping throws is about the message, too, but might quote it.
      const reason = error instanceof Malformed ? error.message : 'the mapping threw';
      this.#log.warn('a message on Redis is no command', { channel, reason });
      return;
    }
    for (const command of commands) this.#run(command, channel);
  }

  #run(command: Command, channel: string): void {
    if (this.running >= this.#limits.maxRunning) {
      this.dropped++;
      this.#log.warn('too many commands from Redis at once', { channel });
      return;
    }
    this.running++;
    // Begun at once, so that commands for one stream keep their order.
    this.#carryOut(command)
      .then(
        () => {
          this.done++;
        },
        (cause: unknown) => {
          this.failed++;
          this.#log.warn('a command from Redis failed', { channel, cause });
        },
      )
      .finally(() => {
        this.running--;
      });
  }

  async #carryOut(command: Command): Promise<void> {
    if ('publish' in command) {
      const { publish, data, ...options } = command;
      await this.#server.publish(publish, fromWire(data), options);
    } else if ('send' in command) await this.#server.sendToUser(command.send, command.action);
    else {
      const { refetch } = this.#server as Server & { readonly refetch?: Refetch };
      if (refetch === undefined) throw new Error('bump needs the plugin refetch');
      const { bump, ...options } = command;
      await refetch.bump(bump, options);
    }
  }
}

/** Of the application's own making, and yet of a stranger's message. */
function mapped(commands: ReturnType<Mapping>): readonly Command[] {
  if (commands === undefined) return [];
  return (Array.isArray(commands) ? commands : [commands]).map(validCommand);
}
