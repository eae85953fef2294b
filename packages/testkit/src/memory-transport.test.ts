import { describe, test } from '@jest/globals';
import { memoryTransport } from './memory-transport.ts';
import { SimulatedClock } from './simulated-clock.ts';
import { transportSuite } from './transport-suite.ts';

transportSuite(
  'memoryTransport',
  () => {
    const clock = new SimulatedClock();
    const transport = memoryTransport();
    return { transport, clock, connect: () => transport.connect(), settle: () => clock.settle() };
  },
  { describe, test },
);
