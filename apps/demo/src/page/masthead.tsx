import { useHeadingFocus } from './use-heading-focus.ts';

/** The theatre's name, as on its bills. */
export function Masthead({ small = false }: { readonly small?: boolean }) {
  const heading = useHeadingFocus();
  return (
    <header className={small ? 'masthead small-bill' : 'masthead'}>
      <p className="masthead-over">
        <span>Below the chandler’s</span>
        <span>Established 1891</span>
        <span>Rebuilt after the candles</span>
      </p>
      <h1 ref={heading} tabIndex={-1}>
        Tallow Street <em>Theatre</em>
      </h1>
      <p className="masthead-under">
        <span>The winter bill</span>
        <span>Eight plays</span>
        <span>One company</span>
        <span>No latecomers, playwrights excepted</span>
      </p>
    </header>
  );
}
