import 'reflect-metadata';
import { jsonCodec } from '@callboard/protocol';
import { type DependencyContainer, instanceCachingFactory, container as root } from 'tsyringe';
import { systemClock } from './clock.ts';
import type { Limits } from './limits.ts';
import { consoleLogger } from './logger.ts';
import { MemoryStreamLog } from './streams/memory-log.ts';
import { type Provision, type Token, tokens } from './tokens.ts';

export type { DependencyContainer };

/** What one server stands on, by token. */
export interface Container {
  get<T>(token: Token<T>): T;
  has(token: Token<unknown>): boolean;
  /** @throws where something else stands for the token in this server. */
  provide<T>(token: Token<T>, value: T): void;
}

/**
 * A tsyringe container of the server's own, below the application's where there is one. For a token
 * `provisions` win, then what the application has registered there, then the defaults.
 */
export function createContainer(
  limits: Limits,
  provisions: readonly Provision[],
  parent: DependencyContainer = root,
): Container {
  const child = parent.createChildContainer();
  for (const { token, value } of provisions) child.register(token, { useValue: value });
  const byDefault = <T>(token: Token<T>, make: () => T) => {
    if (!child.isRegistered(token, true)) child.register(token, { useFactory: instanceCachingFactory(make) });
  };
  byDefault(tokens.clock, () => systemClock);
  byDefault(tokens.logger, () => consoleLogger());
  byDefault(tokens.codec, () => jsonCodec);
  byDefault(tokens.streamLog, () => {
    const { maxInboxEntries, maxInboxLength, resumeWindowMs } = limits;
    const retention = { maxEntries: maxInboxEntries, maxLength: maxInboxLength, ttlMs: resumeWindowMs * 2 };
    return new MemoryStreamLog(child.resolve(tokens.clock), retention);
  });
  return {
    get: <T>(token: Token<T>) => child.resolve<T>(token),
    has: (token) => child.isRegistered(token, true),
    provide(token, value) {
      if (child.isRegistered(token)) throw new Error(`${String(token)} is provided already`);
      child.register(token, { useValue: value });
    },
  };
}
