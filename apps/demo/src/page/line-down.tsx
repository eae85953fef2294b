import type { Office } from './office.ts';
import { useStore } from './store.ts';
import { useClient } from './use-client.ts';

/** What can still be done without a line, while there is none. */
export function LineDown({ office }: { readonly office: Office }) {
  const isCut = useStore(office.cut);
  const { connection } = useClient(office.client);
  const lost = connection.value === 'reconnecting' || connection.context.failures > 0;
  if (!isCut && (connection.value === 'online' || !lost)) return null;
  return (
    <p className="line-down">
      <strong>{isCut ? 'You pulled the plug.' : 'The line is down.'}</strong> What you list or send now waits
      here; what others send waits at the box office, for a minute.
      {isCut ? ' Put the plug back in to see it arrive.' : ' This tab comes back by itself.'}
    </p>
  );
}
