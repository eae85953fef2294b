import { useEffect } from 'react';
import type { Show } from '../shared/shows.ts';
import { FailureSlip } from './failure-slip.tsx';
import { HousePlan } from './house-plan.tsx';
import { Link } from './link.tsx';
import { milliseconds } from './milliseconds.ts';
import type { Office } from './office.ts';
import { showPath } from './route.ts';
import { useStore } from './store.ts';

/** Tonight's play: one seat at a time. */
export function Tonight({ office, show }: { readonly office: Office; readonly show: Show }) {
  const { counter, client, reservations } = office;
  const { tickets, asking, failure, retry, house, countedInMs } = useStore(counter);
  useStore(reservations);
  // Who comes back from another page may have been away from the counter for long.
  useEffect(() => {
    if (client.isConnected()) void counter.count();
  }, [client, counter]);
  const [ticket] = tickets;
  return (
    <section className="tonight" aria-labelledby="tonight">
      <div className="tonight-bill">
        <h2 id="tonight">
          <span className="over">{show.when}</span>
          <span className="tonight-title">{show.title}</span>
        </h2>
        <p className="tonight-kind">{show.kind}</p>
        <p className="tonight-line">{show.line}</p>
        <Link to={showPath(show.id)} className="link">
          Watch the house fill
        </Link>
      </div>
      <div className="house">
        {house && (
          <figure className="plan">
            <HousePlan house={house} mine={reservations.of(show.id).seats} />
            <figcaption>
              <strong>{house.left}</strong> of {house.of} seats left
            </figcaption>
          </figure>
        )}
        <p className="house-count">
          <button type="button" className="link" onClick={() => void counter.count()}>
            Count the house
          </button>
          {countedInMs !== undefined && <span className="took">{milliseconds(countedInMs)}</span>}
        </p>
      </div>
      <div className="ticket">
        <div className="ticket-body">
          <p className="over">Admit one</p>
          <button
            type="button"
            className="button"
            aria-disabled={asking}
            onClick={() => asking || counter.take()}
          >
            {asking ? 'Asking …' : 'Take a seat'}
          </button>
          <button
            type="button"
            className="link"
            aria-disabled={asking}
            onClick={() => asking || counter.takeAndTrip()}
          >
            Take a seat, trip over the cable
          </button>
        </div>
        <output className="ticket-stub" aria-label="Your seat">
          {ticket === undefined ? (
            <span className="stub-empty">No seat yet</span>
          ) : (
            <>
              <span className="over">Seat</span>
              <span className="stub-seat">{ticket.seat}</span>
              <span className="took">{milliseconds(ticket.tookMs)}</span>
            </>
          )}
          {tickets.length > 1 && (
            <span className="stub-more">
              and{' '}
              {tickets
                .slice(1)
                .map(({ seat }) => seat)
                .join(', ')}
            </span>
          )}
        </output>
      </div>
      {failure && <FailureSlip failure={failure} retry={retry} forget={() => counter.forget()} />}
    </section>
  );
}
