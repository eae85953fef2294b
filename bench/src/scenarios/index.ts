import type { Scenario } from '../scenario.ts';
import { calls, callsTls } from './calls.ts';
import { clientSize } from './client-size.ts';
import { connects } from './connects.ts';
import { fanOut1, fanOut1Tls, fanOut10 } from './fan-out.ts';
import { frozenReader } from './frozen-reader.ts';
import { growth } from './growth.ts';
import { memory } from './memory.ts';
import { users1000 } from './users-1000.ts';

export const scenarios: readonly Scenario[] = [
  fanOut1,
  fanOut10,
  users1000,
  calls,
  connects,
  memory,
  fanOut1Tls,
  callsTls,
  frozenReader,
  growth,
  clientSize,
];
