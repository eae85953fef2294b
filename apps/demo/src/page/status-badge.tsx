import { useEffect, useState } from 'react';
import type { BoxOfficeClient } from './client.ts';
import { useClient } from './use-client.ts';

type Lamp = 'online' | 'away' | 'waiting' | 'cut' | 'closed';

/** How the line is. It is not announced from here: a countdown would never stop talking. */
export function StatusBadge({
  client,
  isCut,
}: {
  readonly client: BoxOfficeClient;
  readonly isCut: boolean;
}) {
  const { status, connection } = useClient(client);
  const { waitMs, ending } = connection.context;
  const seconds = useCountdown(
    connection.value === 'reconnecting' && !isCut ? connection : undefined,
    waitMs,
  );
  const { lamp, text } = ((): { lamp: Lamp; text: string } => {
    if (isCut) return { lamp: 'cut', text: 'Line cut' };
    if (connection.value === 'online')
      return status === 'AWAY' ? { lamp: 'away', text: 'Away' } : { lamp: 'online', text: 'Online' };
    if (connection.value === 'closed') return { lamp: 'closed', text: `Closed: ${ending?.name}` };
    if (connection.value === 'reconnecting')
      return { lamp: 'waiting', text: seconds > 0 ? `Back in ${seconds} s` : 'Coming back' };
    return { lamp: 'waiting', text: ending === undefined ? 'Connecting' : 'Coming back' };
  })();
  return (
    <p className="badge" data-lamp={lamp} data-testid="status">
      <span className="lamp" aria-hidden="true" />
      {text}
    </p>
  );
}

/** Whole seconds until `ms` after `since` became what it is. */
function useCountdown(since: object | undefined, ms: number): number {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    if (since === undefined) return;
    const endsAt = performance.now() + ms;
    const tick = () => setSeconds(Math.max(0, Math.ceil((endsAt - performance.now()) / 1_000)));
    tick();
    const timer = setInterval(tick, 250);
    return () => clearInterval(timer);
  }, [since, ms]);
  return seconds;
}
