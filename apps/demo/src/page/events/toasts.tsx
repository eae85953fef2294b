import { Link } from '../link.tsx';
import type { Office } from '../office.ts';
import { eventPath } from '../route.ts';
import { useStore } from '../store.ts';
import { eventSoonIn } from './notices.ts';
import { useTheatreTime } from './theatre-time.ts';
import { dayAndTime, until } from './times.ts';

/** What fell due just now. They stay until somebody has seen them; a screen reader is told by the announcer. */
export function Toasts({ office: { notices, clock } }: { readonly office: Office }) {
  const { toasts } = useStore(notices);
  const now = useTheatreTime(clock);
  return (
    <div className="toasts">
      {toasts.map((item) => {
        const soon = eventSoonIn(item);
        if (soon === undefined) return null;
        return (
          <article key={item.id} className="toast" data-testid="toast">
            <p className="over">{until(item.at, now)}</p>
            <p className="toast-headline">{soon.headline}</p>
            <p>
              {dayAndTime(item.at, now)}. {soon.place}.
            </p>
            <p className="row">
              <Link to={eventPath(soon.event)} className="link" onFollow={() => notices.read([item.id])}>
                See the notice
              </Link>
              <button type="button" className="link" onClick={() => notices.hush(item.id)}>
                Later<span className="unseen">: {soon.headline}</span>
              </button>
            </p>
          </article>
        );
      })}
    </div>
  );
}
