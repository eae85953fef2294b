import type { Limits } from '@callboard/core';

/** For one load generator, which would run into the default ones. */
export const wideLimits: Partial<Limits> = {
  maxConnectionsPerAddress: 100_000,
  maxConnectsPerSecond: 1_000_000,
  maxFramesPerSecond: 1_000_000,
  maxBytesPerSecond: 1_000_000_000,
  maxFrameBytes: 4 << 20,
};
