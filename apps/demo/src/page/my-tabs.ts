import type { BoxOfficeClient } from './client.ts';
import { Store } from './store.ts';

export interface Tab {
  readonly clientId: string;
  readonly online: boolean;
}

/**
 * The user's clients. Native events say that something changed and the server what it is now, as events are not sent
 * later to who was away.
 */
export class MyTabs extends Store<readonly Tab[]> {
  constructor(client: BoxOfficeClient) {
    super([]);
    const ask = async () => {
      try {
        this.set((await client.sendToServer({ type: 'MY_TABS' }, { resend: true })).tabs);
      } catch {
        // The next event or connection asks again.
      }
    };
    for (const type of ['CLIENT_ONLINE', 'CLIENT_LOST', 'CLIENT_RESUMED', 'CLIENT_GONE'] as const)
      client.subscribe(type, () => void ask());
    client.connected$.subscribe(() => void ask());
  }
}

/** Short enough to be said: client ids end in a number that the server counts up. */
export function tabNumber(clientId: string): string {
  return clientId.slice(clientId.lastIndexOf('-') + 1);
}
