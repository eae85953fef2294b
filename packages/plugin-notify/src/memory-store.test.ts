import { describe, test } from '@jest/globals';
import { memoryStore } from './memory-store.ts';
import { notifyStoreSuite } from './testing.ts';

notifyStoreSuite(
  'memory',
  () => {
    const store = memoryStore();
    return { store, other: store };
  },
  { describe, test },
);
