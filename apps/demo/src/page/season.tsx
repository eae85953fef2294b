import type { Show } from '../shared/shows.ts';
import { Link } from './link.tsx';
import { Motif } from './motif.tsx';
import { showPath } from './route.ts';
import type { ShortlistDesk } from './shortlist-desk.ts';
import { useStore } from './store.ts';

export const posterId = (show: string): string => `poster-${show}`;

/** A poster for each play, which leads to its page, with what puts it on the shortlist. */
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
            toggle={() => desk.toggle(show.id)}
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
        <Link
          to={showPath(id)}
          className="poster-sheet"
          id={posterId(id)}
          aria-labelledby={`${posterId(id)}-title`}
        >
          <span className="poster-kind">{kind}</span>
          <Motif show={id} />
          <h3 id={`${posterId(id)}-title`}>{title}</h3>
          <span className="poster-line">{line}</span>
          <span className="poster-when">{when}</span>
          {listed && (
            <span className="stamp" aria-hidden="true">
              Listed
            </span>
          )}
        </Link>
        <button type="button" className="poster-button" aria-pressed={listed} onClick={toggle}>
          Shortlist<span className="unseen"> {title}</span>
        </button>
      </article>
    </li>
  );
}
