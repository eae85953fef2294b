import type { Show } from '../shared/shows.ts';
import type { ShortlistDesk } from './shortlist-desk.ts';
import { useStore } from './store.ts';

/** The user's shortlist, set like a cast list. */
export function ShortlistCard({
  shows,
  desk,
}: {
  readonly shows: readonly Show[];
  readonly desk: ShortlistDesk;
}) {
  const { shortlist, unsent } = useStore(desk);
  const chosen = shows.filter(({ id }) => shortlist[id]?.listed);
  return (
    <section className="card shortlist" aria-labelledby="shortlist">
      <h2 id="shortlist" className="section-title">
        Your shortlist
      </h2>
      {chosen.length === 0 ? (
        <p className="empty">Nothing yet. What you list in one tab is listed in all of them.</p>
      ) : (
        <ul className="cast">
          {chosen.map(({ id, title, when }) => (
            <li key={id}>
              <span className="cast-title">{title}</span>
              <span className="cast-when">{when}</span>
              <button type="button" className="strike" onClick={() => desk.toggle(id)}>
                <span aria-hidden="true">×</span>
                <span className="unseen">Strike {title}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {unsent > 0 && (
        <p className="pending">{unsent === 1 ? 'One change waits' : `${unsent} changes wait`} to be sent.</p>
      )}
    </section>
  );
}
