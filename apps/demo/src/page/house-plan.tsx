import { SEATS_IN_ROW, seatNames } from '../shared/seats.ts';
import type { HouseState } from '../shared/show-channel.ts';

interface HousePlanProps {
  readonly house: HouseState;
  /** Those that are the user's own. */
  readonly mine: readonly string[];
}

/** The stalls from above, the stage at the top, an aisle in the middle. */
export function HousePlan({ house: { left, of, taken }, mine }: HousePlanProps) {
  const seats = seatNames(of);
  const columns = Math.min(of, SEATS_IN_ROW);
  const half = Math.ceil(columns / 2);
  const rows = Math.ceil(of / SEATS_IN_ROW);
  const margin = (WIDTH - columns * 24 - AISLE + 4) / 2;
  const label = `${left} of ${of} seats are left`;
  return (
    <svg
      className="plan-seats"
      viewBox={`0 0 ${WIDTH} ${28 + rows * 26}`}
      role="img"
      aria-label={mine.length === 0 ? label : `${label}; yours: ${mine.join(', ')}`}
    >
      <path className="plan-stage" d="M6 4h200l-14 12H20z" />
      {seats.map((seat, index) => {
        const column = index % SEATS_IN_ROW;
        const x = margin + column * 24 + (column < half ? 0 : AISLE);
        const y = 28 + Math.floor(index / SEATS_IN_ROW) * 26;
        const state = mine.includes(seat) ? 'mine' : taken.includes(seat) ? 'taken' : 'free';
        return (
          <g key={seat} className={`plan-${state}`} data-seat={seat}>
            <path d={`M${x} ${y}h20v11a6 6 0 0 1-6 6h-8a6 6 0 0 1-6-6z`} />
            <circle cx={x + 10} cy={y + 8} r="3.500" />
          </g>
        );
      })}
    </svg>
  );
}

const WIDTH = 212;
const AISLE = 12;
