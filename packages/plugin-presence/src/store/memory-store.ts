import type { PresenceStore, Remembered } from './store.ts';

/**
 * Remembers for as long as the process lives; of more than `maxUsers` those who changed last. Default 100,000.
 * Several servers may share one.
 */
export function memoryStore({ maxUsers = 100_000 }: { readonly maxUsers?: number } = {}): PresenceStore {
  const users = new Map<string, Remembered>();
  return {
    open() {},
    close() {},
    load: (userIds) => userIds.map((id) => users.get(id)).filter((user) => user !== undefined),
    save(saved) {
      for (const user of saved) {
        users.delete(user.userId);
        users.set(user.userId, user);
      }
      for (const oldest of users.keys()) {
        if (users.size <= maxUsers) break;
        users.delete(oldest);
      }
    },
  };
}
