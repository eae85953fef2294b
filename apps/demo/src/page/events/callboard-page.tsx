import { useEffect } from 'react';
import type { TheatreEvent } from '../../shared/events.ts';
import { Link } from '../link.tsx';
import type { Office } from '../office.ts';
import { postPath } from '../route.ts';
import { useStore } from '../store.ts';
import { Strip } from '../strip.tsx';
import { useTitle } from '../use-title.ts';
import { NoticeSlip } from './notice-slip.tsx';
import { useTheatreTime } from './theatre-time.ts';
import { TimeBill } from './time-bill.tsx';

/** What is on the callboard, and what the user has put there. */
export function CallboardPage({ office }: { readonly office: Office }) {
  useTitle('The callboard · Tallow Street Theatre');
  const { callboard, clock } = office;
  const { events, failure } = useStore(callboard);
  const now = useTheatreTime(clock);
  useEffect(() => void callboard.refresh(), [callboard]);
  const toCome = (event: TheatreEvent) => Date.parse(event.startsAt) > now;
  const others = events?.filter((event) => !event.isYours && toCome(event));
  const own = events?.filter(({ isYours }) => isYours);
  const { eventsEach, subscriptionsEach } = callboard.rules.limits;
  return (
    <>
      <Strip />
      <main className="show board">
        <TimeBill office={office} />
        <div className="board-side">
          <section aria-labelledby="on-the-board">
            <h2 id="on-the-board" className="section-title">
              On the board
            </h2>
            {failure && (
              <p className="trouble" role="alert">
                {failure.message}
              </p>
            )}
            {others?.length === 0 && <p className="empty">Nobody else has put anything up.</p>}
            <ul className="slips" data-testid="board">
              {others?.map((event) => (
                <NoticeSlip key={event.id} event={event} now={now} />
              ))}
            </ul>
            <p className="small">One may be down for {subscriptionsEach} at a time.</p>
          </section>
          <section aria-labelledby="yours">
            <h2 id="yours" className="section-title">
              Put up by you
            </h2>
            {own?.length === 0 && <p className="empty">Nothing yet.</p>}
            <ul className="slips" data-testid="own">
              {own?.map((event) => (
                <NoticeSlip key={event.id} event={event} now={now} />
              ))}
            </ul>
            <p className="row">
              <Link to={postPath} className="button as-link">
                Put up a notice
              </Link>
              <span className="small">
                {own?.length ?? 0} of {eventsEach}
              </span>
            </p>
          </section>
        </div>
      </main>
    </>
  );
}
