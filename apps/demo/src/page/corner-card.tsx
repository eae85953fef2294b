import { Link } from './link.tsx';
import { cornerPath } from './route.ts';

/** The way to the prompt corner. */
export function CornerCard() {
  return (
    <section className="card" aria-labelledby="corner">
      <h2 id="corner" className="section-title">
        Prompt corner
      </h2>
      <p>Two thermometers, a door that counts, and three lights for you to switch.</p>
      <Link to={cornerPath} className="link">
        Go and see how the house is
      </Link>
    </section>
  );
}
