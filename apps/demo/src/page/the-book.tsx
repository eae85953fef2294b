import { clockTime } from './clock-time.ts';
import { milliseconds } from './milliseconds.ts';
import type { PromptBook } from './prompt-book.ts';
import { useStore } from './store.ts';

/** The prompt book: everything that happened on this tab's line. */
export function TheBook({ book }: { readonly book: PromptBook }) {
  const entries = useStore(book);
  return (
    <section className="book" aria-labelledby="book">
      <h2 id="book" className="section-title">
        Prompt book
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <ol reversed className="book-page" tabIndex={0} aria-labelledby="book">
        {entries.map(({ id, at, kind, what, about, recovered, tookMs }) => (
          <li key={id} data-kind={kind} data-recovered={recovered}>
            <time>{clockTime(at)}</time>
            <span className="book-kind">{kind}</span>
            <span className="book-what">
              <code>{what}</code> {about}
              {recovered && <span className="mark">recovered</span>}
            </span>
            <span className="took">{tookMs !== undefined && milliseconds(tookMs)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
