import { useState } from 'react';
import type { Office } from '../office.ts';
import { RestError } from '../rest.ts';
import { useHeadingFocus } from '../use-heading-focus.ts';
import { moveTime } from './callboard.ts';
import { useTheatreTime } from './theatre-time.ts';
import { dayAndTime, duration } from './times.ts';

/** The clock over the callboard; in the demo one may move its hands on. */
export function TimeBill({ office }: { readonly office: Office }) {
  const { clock, callboard, pass, announcer } = office;
  const now = useTheatreTime(clock);
  const heading = useHeadingFocus();
  const [trouble, setTrouble] = useState<string>();
  const move = async (by: 'hour' | 'day') => {
    setTrouble(undefined);
    try {
      await moveTime(by, pass.token);
      announcer.say(by === 'hour' ? 'It is an hour later.' : 'It is a day later.');
    } catch (error) {
      setTrouble(error instanceof RestError ? error.message : 'The hands do not move.');
    }
  };
  const ahead = clock.get();
  return (
    <article className="poster corner-bill time-bill">
      <div className="poster-sheet">
        <p className="poster-kind">By the stage door</p>
        <ClockFace now={now} />
        <h1 ref={heading} tabIndex={-1}>
          The Callboard
        </h1>
        <p className="poster-line">
          Whoever is down for something is told in time. Whoever is not has no excuse.
        </p>
        <p className="poster-when" data-testid="theatre-time" data-ahead-ms={ahead}>
          {dayAndTime(now, now)}
          {ahead > 0 && `, ${duration(ahead)} ahead`}
        </p>
      </div>
      {callboard.rules.demo && (
        <div className="hands">
          <button type="button" className="poster-button" onClick={() => void move('hour')}>
            An hour later
          </button>
          <button type="button" className="poster-button" onClick={() => void move('day')}>
            A day later
          </button>
        </div>
      )}
      {trouble && (
        <p className="trouble" role="alert">
          {trouble}
        </p>
      )}
    </article>
  );
}

const hours = Array.from({ length: 12 }, (_, i) => i * 30);

function ClockFace({ now }: { readonly now: number }) {
  const date = new Date(now);
  const minutes = date.getMinutes();
  const hourTurn = ((date.getHours() % 12) + minutes / 60) * 30;
  return (
    <svg className="clock-face" viewBox="-60 -60 120 120" aria-hidden="true">
      <circle className="clock-case" r="56" />
      <circle className="clock-dial" r="48" />
      {hours.map((turn) => (
        <path
          key={turn}
          className="clock-mark"
          d={turn % 90 === 0 ? 'M0-45v9' : 'M0-44v5'}
          transform={`rotate(${turn})`}
        />
      ))}
      <path className="clock-hour" d="M0 5v-29" transform={`rotate(${hourTurn})`} />
      <path className="clock-minute" d="M0 8v-47" transform={`rotate(${minutes * 6})`} />
      <circle className="clock-boss" r="3.500" />
    </svg>
  );
}
