import type { Announcer } from './announcer.ts';
import { useStore } from './store.ts';

/** Says what happened without anybody doing it here: to screen readers, once each. */
export function Announcements({ announcer }: { readonly announcer: Announcer }) {
  return (
    <div className="unseen" aria-live="polite" aria-relevant="additions" data-testid="announcements">
      {useStore(announcer).map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  );
}
