import { MAX_SEATS_EACH } from '../shared/limits.ts';
import { seatNames } from '../shared/seats.ts';
import type { LiveHouse } from '../shared/show-channel.ts';
import type { HouseView } from './house-watch.ts';
import { inWords } from './in-words.ts';
import type { ShowReservations } from './reservations.ts';

interface ReserveProps {
  readonly view: HouseView;
  readonly own: ShowReservations;
  readonly reserve: () => void;
}

const EACH = inWords(MAX_SEATS_EACH).toLowerCase();

/** A ticket to be had. Where the page is not told how things are, the box office decides. */
export function Reserve({ view: { house, current }, own: { seats, reserving }, reserve }: ReserveProps) {
  const soldOut = current && house?.left === 0;
  const enough = seats.length >= MAX_SEATS_EACH;
  const off = reserving || soldOut || enough;
  return (
    <div className="ticket">
      <div className="ticket-body">
        <p className="over">Admit one</p>
        <button
          type="button"
          className={soldOut || enough ? 'button spent' : 'button'}
          aria-disabled={off}
          aria-describedby="reserve-about"
          onClick={() => off || reserve()}
        >
          {reserving ? 'Asking …' : 'Reserve a seat'}
        </button>
        <p id="reserve-about" className="ticket-about">
          {about()}
        </p>
      </div>
      <p className="ticket-stub">
        {soldOut ? (
          <span className="stamp">Sold out</span>
        ) : (
          <>
            <span className="over">Next seat</span>{' '}
            <span className="stub-seat">{current && house ? nextOf(house) : '–'}</span>
          </>
        )}
      </p>
    </div>
  );

  function about(): string {
    if (enough) return `You hold ${EACH}: that is all that one may.`;
    if (soldOut) return 'Every seat is taken. If one comes back you see it here.';
    if (!current) return 'Without a line it waits until there is one.';
    return `From the front, at most ${EACH} each.`;
  }
}

function nextOf({ of, taken }: LiveHouse): string | undefined {
  return seatNames(of).find((seat) => !taken.includes(seat));
}
