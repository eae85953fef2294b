export type { BumpCommand, Command, PublishCommand, SendCommand } from './command.ts';
export type { CommandLimits, Mapping } from './commands.ts';
export { type RedisIngress, type RedisIngressOptions, redisIngress } from './ingress.ts';
export type { RedisConnection } from './line.ts';
