import { jsonCodec } from '@callboard/protocol';
import { describe, test } from '@jest/globals';
import { codecSuite } from './codec-suite.ts';

codecSuite('jsonCodec', jsonCodec, { describe, test });
