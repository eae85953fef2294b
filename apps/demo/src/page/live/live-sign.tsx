import { clockTime } from '../clock-time.ts';
import type { ResourceView } from './live-resource.ts';

interface LiveSignProps {
  readonly view: ResourceView<unknown>;
  /** What happens to it, as in "Printed anew". */
  readonly change: string;
  readonly again: () => void;
}

/** Whether what stands below still holds. */
export function LiveSign({ view: { current, why, ended, changedAt }, change, again }: LiveSignProps) {
  const news =
    changedAt === undefined ? 'You see each change as it happens.' : `${change} at ${clockTime(changedAt)}.`;
  return (
    <div className="live-line">
      <p className="live-sign">
        <span className="live-lamp" aria-hidden="true" />
        {current ? 'Live' : 'Not current'}
      </p>
      <p className="tally-news">{current ? news : why}</p>
      {ended && (
        <button type="button" className="link" onClick={again}>
          Ask again
        </button>
      )}
    </div>
  );
}
