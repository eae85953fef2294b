import type { Handlers } from '@callboard/core';
import type { Houses } from './houses.ts';
import type { BoxOfficeContract } from './shared/contract.ts';
import type { ShowId } from './shared/shows.ts';

type SeatHandlers = Pick<
  Handlers<BoxOfficeContract>,
  'TAKE_SEAT' | 'RETURN_SEAT' | 'SEATS_LEFT' | 'MY_SEATS'
>;

/**
 * What the server answers about seats. Each looks and acts in one turn, so that however many ask at once, no seat is
 * sold twice.
 *
 * @param changed a seat of this show went to this user, or came back
 */
export function seatHandlers(houses: Houses, changed: (show: ShowId, userId: string) => void): SeatHandlers {
  return {
    TAKE_SEAT: ({ action: { show }, user }) => {
      const house = houses.of(show);
      const seat = house.take(user.id);
      changed(show, user.id);
      return { seat, ...house.state };
    },
    RETURN_SEAT: ({ action: { show, seat }, user }) => {
      const house = houses.of(show);
      house.giveBack(user.id, seat);
      changed(show, user.id);
      return house.state;
    },
    SEATS_LEFT: ({ action: { show } }) => houses.of(show).state,
    MY_SEATS: ({ user }) => ({ seats: houses.heldBy(user.id) }),
  };
}
