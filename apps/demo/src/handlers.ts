import type { Handlers } from '@callboard/core';
import { type Contract, ReplyError } from '@callboard/protocol';

/** What the page may ask the server. */
export function handlers({ seats = 24 }: { seats?: number } = {}): Handlers<Contract> {
  let taken = 0;
  return {
    ECHO: ({ action }) => ({ text: action.text }),
    TIME: () => ({ time: new Date().toISOString() }),
    /** Counts down whenever it runs: a request that is repeated after a cut must not take a second seat. */
    TAKE_SEAT: () => {
      if (taken >= seats) throw new ReplyError('SOLD_OUT', { message: 'Every seat is taken.' });
      taken++;
      return { seat: taken, left: seats - taken };
    },
    /** Events tell what changes; this tells where a page stands when it comes. */
    MY_TABS: ({ user }) => ({
      tabs: [...user.clients].map(({ id, online, connectedAt }) => ({ clientId: id, online, connectedAt })),
    }),
  };
}
