import type { Show } from '../shared/shows.ts';
import { Link } from './link.tsx';
import { showPath } from './route.ts';

interface OtherShowsProps {
  readonly shows: readonly Show[];
  readonly except: string;
}

/** The way from one show to another. */
export function OtherShows({ shows, except }: OtherShowsProps) {
  return (
    <nav className="others" aria-labelledby="others">
      <h2 id="others" className="section-title">
        Also this winter
      </h2>
      <ul>
        {shows
          .filter(({ id }) => id !== except)
          .map(({ id, title, when }) => (
            <li key={id}>
              <Link to={showPath(id)} className="other">
                <span className="cast-title">{title}</span> <span className="cast-when">{when}</span>
              </Link>
            </li>
          ))}
      </ul>
    </nav>
  );
}
