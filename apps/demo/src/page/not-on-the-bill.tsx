import { Strip } from './strip.tsx';
import { useHeadingFocus } from './use-heading-focus.ts';
import { useTitle } from './use-title.ts';

/** The address of a show that there is not. */
export function NotOnTheBill() {
  useTitle('Not on the bill · Tallow Street Theatre');
  const heading = useHeadingFocus();
  return (
    <>
      <Strip />
      <main className="no-show">
        <h1 ref={heading} tabIndex={-1}>
          Not on the bill
        </h1>
        <p>There is no such show this winter. It may have closed on the first night; some do.</p>
      </main>
    </>
  );
}
