import { Link } from './link.tsx';
import { billPath } from './route.ts';

/** The theatre's name on a page within, and the way back. */
export function Strip() {
  return (
    <header className="strip">
      <p className="strip-name">
        Tallow Street <em>Theatre</em>
      </p>
      <Link to={billPath} className="strip-back">
        <span aria-hidden="true">←</span>
        <span>The winter bill</span>
      </Link>
    </header>
  );
}
