import type { Show, ShowId } from '../shared/shows.ts';
import { Motif } from './motif.tsx';
import type { ShortlistDesk } from './shortlist-desk.ts';
import { useStore } from './store.ts';

/** A poster for each play, with what puts it on the shortlist. */
export function Season({ shows, desk }: { readonly shows: readonly Show[]; readonly desk: ShortlistDesk }) {
  const { shortlist } = useStore(desk);
  return (
    <section className="season" aria-labelledby="season">
      <h2 id="season" className="section-title">
        This winter
      </h2>
      <ul className="posters">
        {shows.map((show) => (
          <Poster
            key={show.id}
            show={show}
            listed={shortlist[show.id]?.listed ?? false}
            toggle={() => desk.toggle(show.id as ShowId)}
          />
        ))}
      </ul>
    </section>
  );
}

interface PosterProps {
  readonly show: Show;
  readonly listed: boolean;
  readonly toggle: () => void;
}

function Poster({ show, listed, toggle }: PosterProps) {
  const { id, title, kind, line, when } = show;
  return (
    <li>
      <article className="poster" data-show={id} data-listed={listed}>
        <div className="poster-sheet">
          <p className="poster-kind">{kind}</p>
          <Motif show={id} />
          <h3>{title}</h3>
          <p className="poster-line">{line}</p>
          <p className="poster-when">{when}</p>
          {listed && (
            <span className="stamp" aria-hidden="true">
              Listed
            </span>
          )}
        </div>
        <button type="button" className="poster-button" aria-pressed={listed} onClick={toggle}>
          Shortlist<span className="unseen"> {title}</span>
        </button>
      </article>
    </li>
  );
}
