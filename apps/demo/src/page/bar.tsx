import { Bell } from './events/bell.tsx';
import { Link } from './link.tsx';
import type { Office } from './office.ts';
import { cardPath } from './route.ts';
import { StatusBadge } from './status-badge.tsx';
import { useStore } from './store.ts';

/** Who is at the counter, how the line is, and the plug to pull. */
export function Bar({ office, leave }: { readonly office: Office; readonly leave: () => void }) {
  const { pass, client, company, cut, cutLine, mendLine } = office;
  const isCut = useStore(cut);
  const { name } = useStore(company).find(({ id }) => id === pass.user.id) ?? pass.user;
  return (
    <section className="line" aria-label="Your line">
      <div className="bar">
        <StatusBadge client={client} isCut={isCut} />
        <button
          type="button"
          role="switch"
          aria-checked={!isCut}
          className="plug"
          onClick={isCut ? mendLine : cutLine}
        >
          <span className="plug-track" aria-hidden="true" />
          <span>Line</span>
        </button>
        <p className="bar-who">
          <span className="bar-name">{name}</span>
          <span className="bar-role">{pass.user.role}</span>
        </p>
        <Bell office={office} />
      </div>
      <div className="doors">
        <button type="button" className="link" onClick={() => window.open(location.pathname, '_blank')}>
          Open another tab
        </button>
        <Link to={cardPath} className="link">
          Your card
        </Link>
        <button type="button" className="link" onClick={() => leave()}>
          Leave
        </button>
      </div>
    </section>
  );
}
