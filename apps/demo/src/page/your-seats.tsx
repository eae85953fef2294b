import { useEffect, useRef } from 'react';
import type { ShowReservations } from './reservations.ts';

interface YourSeatsProps {
  readonly own: ShowReservations;
  readonly giveBack: (seat: string) => void;
}

/** The stubs that the user holds for this show. */
export function YourSeats({ own: { seats, returning }, giveBack }: YourSeatsProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const pressed = useRef<string>(undefined);
  // The button goes with its seat, and would take the focus along.
  useEffect(() => {
    if (pressed.current === undefined || seats.includes(pressed.current)) return;
    pressed.current = undefined;
    if (document.activeElement === document.body) heading.current?.focus();
  }, [seats]);
  return (
    <div className="your-seats">
      <h3 ref={heading} tabIndex={-1} id="your-seats" className="over">
        Your seats
      </h3>
      {seats.length === 0 ? (
        <p className="empty">None yet.</p>
      ) : (
        <ul className="stubs" aria-labelledby="your-seats">
          {seats.map((seat) => {
            const busy = returning.includes(seat);
            return (
              <li key={seat} className="stub">
                <span className="stub-seat">{seat}</span>
                <button
                  type="button"
                  className="link"
                  aria-disabled={busy}
                  onClick={() => {
                    if (busy) return;
                    pressed.current = seat;
                    giveBack(seat);
                  }}
                >
                  {busy ? 'Asking …' : 'Return'}
                  <span className="unseen"> seat {seat}</span>
                </button>
              </li>
            );
          })}
        </ul>
      )}
    </div>
  );
}
