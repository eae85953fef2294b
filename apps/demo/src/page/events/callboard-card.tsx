import { useEffect } from 'react';
import { Link } from '../link.tsx';
import type { Office } from '../office.ts';
import { callboardPath, eventPath } from '../route.ts';
import { useStore } from '../store.ts';
import { useTheatreTime } from './theatre-time.ts';
import { dayAndTime } from './times.ts';

const MOST_SHOWN = 3;

/** The way to the callboard, and what is next on it. */
export function CallboardCard({ office: { callboard, clock } }: { readonly office: Office }) {
  const { events = [] } = useStore(callboard);
  const now = useTheatreTime(clock);
  useEffect(() => void callboard.refresh(), [callboard]);
  const next = events
    .filter(({ startsAt, state }) => Date.parse(startsAt) > now && state !== 'draft')
    .slice(0, MOST_SHOWN);
  return (
    <section className="card" aria-labelledby="callboard">
      <h2 id="callboard" className="section-title">
        Callboard
      </h2>
      {next.length === 0 ? (
        <p>Rehearsals, read-throughs, the strike: whoever is down for one is told in time.</p>
      ) : (
        <ul>
          {next.map(({ id, headline, startsAt }) => (
            <li key={id}>
              <Link to={eventPath(id)} className="other">
                <span className="cast-title">{headline}</span>{' '}
                <span className="cast-when">{dayAndTime(Date.parse(startsAt), now)}</span>
              </Link>
            </li>
          ))}
        </ul>
      )}
      <Link to={callboardPath} className="link">
        Go and read the callboard
      </Link>
    </section>
  );
}
