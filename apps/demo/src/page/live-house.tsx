import { clockTime } from './clock-time.ts';
import { HousePlan } from './house-plan.tsx';
import type { HouseView } from './house-watch.ts';
import { changeInWords, inWords } from './in-words.ts';

interface LiveHouseProps {
  readonly view: HouseView;
  readonly mine: readonly string[];
  /** Whoever is at this tab does not want to be seen. */
  readonly unseen: boolean;
}

/** How many seats are left, which, and whether that still holds. */
export function LiveHouse({ view: { house, current, change }, mine, unseen }: LiveHouseProps) {
  return (
    <div className="live" data-current={current} data-testid="house">
      <div className="tally">
        <p className="live-sign">
          <span className="live-lamp" aria-hidden="true" />
          {current ? 'Live' : 'Not current'}
        </p>
        {house === undefined ? (
          <p className="empty">How many seats are left is yet to come.</p>
        ) : (
          <>
            <p className="tally-left">
              {/* Another number is another card on the hook. */}
              <strong key={house.left} data-moved={change !== undefined}>
                {house.left}
              </strong>{' '}
              <span>of {house.of} seats left</span>
            </p>
            <p className="tally-news">{news()}</p>
            <p className="tally-news">{current && audience(house.watching, unseen)}</p>
          </>
        )}
      </div>
      {house && (
        <figure className="plan">
          <HousePlan house={house} mine={mine} />
          <figcaption className="legend">
            <Seat state="free">free</Seat>
            <Seat state="taken">taken</Seat>
            <Seat state="mine">yours</Seat>
          </figcaption>
        </figure>
      )}
    </div>
  );

  function news(): string {
    if (!current) return 'As it was when the line went.';
    return change === undefined
      ? 'You see each change as it happens.'
      : `${changeInWords(change.by)} at ${clockTime(change.at)}.`;
  }
}

function audience(people: number, unseen: boolean): string {
  if (unseen)
    return `${inWords(people)} ${people === 1 ? 'person is' : 'people are'} seen to look at this page.`;
  return people < 2
    ? 'You alone are looking at this page.'
    : `${inWords(people)} people are looking at this page.`;
}

function Seat({ state, children }: { readonly state: 'free' | 'taken' | 'mine'; readonly children: string }) {
  return (
    <span>
      <svg viewBox="-1 -1 22 19" aria-hidden="true" className={`plan-${state}`}>
        <path d="M0 0h20v11a6 6 0 0 1-6 6H6a6 6 0 0 1-6-6z" />
        <circle cx="10" cy="8" r="3.500" />
      </svg>
      {children}
    </span>
  );
}
