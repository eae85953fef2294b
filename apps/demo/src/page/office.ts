import type { ClientRefetch } from '@callboard/plugin-refetch/client';
import { INBOX } from '@callboard/protocol';
import { PASSWORD_CHANGED } from '../shared/pass.ts';
import type { ShowId } from '../shared/shows.ts';
import { CLOCK_CHANNEL, type TheatreClock } from '../shared/theatre-clock.ts';
import { Announcer } from './announcer.ts';
import { type BoxOfficeClient, connect } from './client.ts';
import { Company } from './company.ts';
import { Counter } from './counter.ts';
import { Callboard, fetchRules } from './events/callboard.ts';
import { eventSoonIn, Notices } from './events/notices.ts';
import { createTheatreClock } from './events/theatre-time.ts';
import { until } from './events/times.ts';
import { HouseWatch } from './house-watch.ts';
import { houseInWords } from './in-words.ts';
import { MyTabs, tabNumber } from './my-tabs.ts';
import { type Pass, passInTab } from './pass.ts';
import { PassKeeper } from './pass-keeper.ts';
import { Pigeonholes } from './pigeonholes.ts';
import { GreenRoom } from './presence/green-room.ts';
import { PromptBook } from './prompt-book.ts';
import { PromptCorner } from './prompt-corner.ts';
import { Reservations } from './reservations.ts';
import { fetchShows, renewPass, type Season } from './rest.ts';
import { ShortlistDesk } from './shortlist-desk.ts';
import { Store } from './store.ts';

/** All that a tab has once somebody is signed in. */
export interface Office {
  readonly pass: PassKeeper;
  readonly client: BoxOfficeClient;
  /** Resources of the REST API, as they change. */
  readonly refetch: ClientRefetch;
  readonly shows: Season;
  readonly company: Company;
  readonly book: PromptBook;
  readonly announcer: Announcer;
  readonly shortlist: ShortlistDesk;
  readonly pigeonholes: Pigeonholes;
  readonly counter: Counter;
  readonly reservations: Reservations;
  readonly tabs: MyTabs;
  readonly callboard: Callboard;
  readonly notices: Notices;
  /** The theatre's time. */
  readonly clock: TheatreClock;
  readonly greenRoom: GreenRoom;
  /** Whether the tab's line has been cut. */
  readonly cut: Store<boolean>;
  /** From now on, until it is closed, the server tells how this show's house is. */
  watch(show: ShowId): HouseWatch;
  /** From now on, until it is closed, what the house's devices tell. */
  openCorner(): PromptCorner;
  cutLine(): void;
  mendLine(): void;
  close(): void;
}

/**
 * @param refused the server does not take this pass any more: why, for people
 * @throws RestError
 */
export async function openOffice(given: Pass, refused: (why: string) => void): Promise<Office> {
  const pass = new PassKeeper(given, { renew: renewPass, renewed: passInTab.replace });
  const company = new Company(pass);
  const [shows, rules] = await Promise.all([fetchShows(), fetchRules(), company.refresh()]);
  const titleOf = (show: string) => shows.find(({ id }) => id === show)?.title ?? show;
  const book = new PromptBook();
  const announcer = new Announcer();
  const cut = new Store(false);
  const clock = createTheatreClock();
  const { client, line } = connect(pass, clock);
  if (rules.demo) client.channel(CLOCK_CHANNEL).subscribe(({ data }) => clock.set(data.aheadMs));

  const reservations = new Reservations(client, book, (text) => announcer.say(text));

  writeDown(client, book, company);
  client.onStatusChange(({ status }) => announcer.say(statusWords[status]));
  client.actor.subscribe(({ value, context: { ending } }) => {
    const why = value === 'closed' || value === 'reconnecting' ? refusals[ending?.name ?? ''] : undefined;
    if (why !== undefined) refused(why);
  });

  return {
    pass,
    client,
    refetch: client.refetch,
    shows,
    company,
    book,
    announcer,
    cut,
    clock,
    callboard: new Callboard(pass, rules),
    notices: new Notices(client.notify, (item) => {
      const soon = eventSoonIn(item);
      if (soon) announcer.say(`A notice: ${soon.headline}, ${until(item.at, clock.now())}, ${soon.place}.`);
    }),
    shortlist: new ShortlistDesk(client, book, ({ show, listed }) =>
      announcer.say(
        listed
          ? `Another tab of yours put ${titleOf(show)} on the shortlist.`
          : `Another tab of yours took ${titleOf(show)} off the shortlist.`,
      ),
    ),
    pigeonholes: new Pigeonholes(client, book, ({ from, text }) => {
      announcer.say(`A note from ${company.nameOf(from)}: ${text}`);
      // It may be somebody who came after the list was made.
      company.refresh().catch(() => {});
    }),
    counter: new Counter({ client, book, reservations, tonight: shows[0].id, cutLine }),
    reservations,
    tabs: new MyTabs(client),
    greenRoom: new GreenRoom(client, company),
    watch(show) {
      const topic = `the house of ${show}`;
      return new HouseWatch({
        client,
        book,
        show,
        changed: (house) => announcer.sayAtRest(topic, `${titleOf(show)}: ${houseInWords(house)}.`),
        closed: () => announcer.hush(topic),
      });
    },
    openCorner: () => new PromptCorner({ client, book, say: (text) => announcer.say(text) }),
    cutLine,
    mendLine() {
      line.mend();
      cut.set(false);
      book.write('line', 'LINE MENDED');
      // Where it does not come about, the badge says why.
      client.connect().catch(() => {});
    },
    close: () => void client.close(),
  };

  function cutLine(): void {
    cut.set(true);
    book.write('line', 'LINE CUT', 'by you');
    line.cut();
  }
}

/** What comes over the line, into the prompt book. */
function writeDown(client: BoxOfficeClient, book: PromptBook, company: Company): void {
  client.messages$.subscribe(({ action, from, recovered }) => {
    const own = from?.userId === client.userId;
    const others = from === undefined ? 'the box office' : company.nameOf(from.userId);
    const sender = own ? `tab ${tabNumber(from.clientId)}` : others;
    book.write('message', action.type, `from ${sender}`, { recovered });
  });
  client.gaps$.subscribe(({ stream, reason }) =>
    book.write('gap', 'GAP', stream === INBOX ? reason : `${stream}, ${reason}`),
  );
  client.onStatusChange(({ previousStatus, status }) =>
    book.write('event', 'STATUS_CHANGE', `${previousStatus} → ${status}`),
  );
  for (const type of ['CLIENT_ONLINE', 'CLIENT_RESUMED'] as const)
    client.subscribe(type, ({ clientId }) => book.write('event', type, `tab ${tabNumber(clientId)}`));
  for (const type of ['CLIENT_LOST', 'CLIENT_GONE'] as const)
    client.subscribe(type, ({ clientId, reason }) =>
      book.write('event', type, `tab ${tabNumber(clientId)}, ${reason}`),
    );
}

const statusWords = {
  CONNECTING: 'Connecting.',
  ONLINE: 'You are online.',
  AWAY: 'You are away.',
  OFFLINE: 'The line is down.',
} as const;

const refusals: Readonly<Record<string, string>> = {
  UNAUTHORIZED:
    'The box office does not know your pass any more: it was closed and opened again, or your password was changed. Please sign in anew.',
  [PASSWORD_CHANGED]: 'Your password was changed elsewhere. Please sign in with the new one.',
  TOKEN_EXPIRED: 'Your pass has run out. Please sign in anew.',
};
