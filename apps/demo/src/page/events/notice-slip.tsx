import type { TheatreEvent } from '../../shared/events.ts';
import { Link } from '../link.tsx';
import { eventPath } from '../route.ts';
import { peopleDown } from './people-down.ts';
import { dayAndTime, until } from './times.ts';

/** One notice, pinned to the board. */
export function NoticeSlip({ event, now }: { readonly event: TheatreEvent; readonly now: number }) {
  const { id, headline, place, startsAt, owner, isYours, isSubscribed, state, subscribers } = event;
  const at = Date.parse(startsAt);
  return (
    <li>
      <Link
        to={eventPath(id)}
        className="pinned"
        data-state={state}
        data-over={at <= now}
        aria-labelledby={`slip-${id}`}
      >
        <span className="pin" aria-hidden="true" />
        <span className="over">{dayAndTime(at, now)}</span>
        <h3 id={`slip-${id}`}>{headline}</h3>
        <span>{place}</span>
        <span className="small">
          {until(at, now)} · {isYours ? peopleDown(subscribers) : owner.name}
        </span>
        {isSubscribed && <span className="mark">You are down for it</span>}
        {state !== 'public' && <span className="mark">{state === 'draft' ? 'Draft' : 'Private'}</span>}
      </Link>
    </li>
  );
}
