import { useCallback, useSyncExternalStore } from 'react';
import type { BoxOfficeClient } from './client.ts';

/** Where a client is: its status, its id, and the state of its connection. */
export function useClient(client: BoxOfficeClient) {
  const status = useSyncExternalStore(
    useCallback(
      (changed: () => void) => {
        const subscription = client.status$.subscribe(changed);
        return () => subscription.unsubscribe();
      },
      [client],
    ),
    () => client.getStatus(),
  );
  const connection = useSyncExternalStore(
    useCallback(
      (changed: () => void) => {
        const subscription = client.actor.subscribe(changed);
        return () => subscription.unsubscribe();
      },
      [client],
    ),
    () => client.actor.getSnapshot(),
  );
  return { status, connection, id: client.id };
}
