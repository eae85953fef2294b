export type { BumpOptions } from './bumps.ts';
export { type CircuitSnapshot, circuitMachine } from './circuit.ts';
export type { RefetchOptions, WatchRequest } from './options.ts';
export { type Refetch, refetch } from './refetch.ts';
export { isWaymark, type WaymarkCheck, type WaymarkOptions } from './waymark.ts';
