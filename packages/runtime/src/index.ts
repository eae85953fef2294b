export { type ActorView, actorClock, actorView, guardedInspect, type Inspect } from './actor-view.ts';
export { type Awaitable, isPromise, whenReady } from './awaitable.ts';
export { type LogFields, type Logger, silentLogger } from './logger.ts';
export { GuardedObservable } from './observables.ts';
export { guarded, Pipeline } from './pipeline.ts';
export type { Timers } from './timers.ts';
