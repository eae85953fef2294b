import { useEffect, useRef, useState } from 'react';
import type { EventDraft, TheatreEvent } from '../../shared/events.ts';
import { Link } from '../link.tsx';
import type { Office } from '../office.ts';
import { callboardPath } from '../route.ts';
import { router } from '../router.ts';
import { useStore } from '../store.ts';
import { Strip } from '../strip.tsx';
import { Quicker, useAttempt } from '../use-attempt.ts';
import { useHeadingFocus } from '../use-heading-focus.ts';
import { useTitle } from '../use-title.ts';
import { NoticeForm } from './notice-form.tsx';
import { peopleDown, youAndOthersDown } from './people-down.ts';
import { useTheatreTime } from './theatre-time.ts';
import { dayAndTime, leadsInWords, localInput, until } from './times.ts';

interface EventPageProps {
  readonly office: Office;
  readonly id: string;
}

/** One notice. */
export function EventPage({ office, id }: EventPageProps) {
  const { callboard } = office;
  const { missing, failure } = useStore(callboard);
  useEffect(() => void callboard.look(id), [callboard, id]);
  const event = callboard.of(id);
  return (
    <>
      <Strip />
      {event ? (
        <Notice office={office} event={event} />
      ) : missing.has(id) ? (
        <NotOnTheBoard />
      ) : (
        <main className="no-show">{failure && <p role="alert">{failure.message}</p>}</main>
      )}
    </>
  );
}

function NotOnTheBoard() {
  useTitle('Not on the board · Tallow Street Theatre');
  const heading = useHeadingFocus();
  return (
    <main className="no-show">
      <h1 ref={heading} tabIndex={-1}>
        Not on the board
      </h1>
      <p>There is no such notice, or it is not for you. Somebody may have taken it down.</p>
      <p>
        <Link to={callboardPath} className="link">
          What there is
        </Link>
      </p>
    </main>
  );
}

interface NoticeProps {
  readonly office: Office;
  readonly event: TheatreEvent;
}

function Notice({ office, event }: NoticeProps) {
  const { headline, description, place, startsAt, owner, state, isYours } = event;
  useTitle(`${headline} · Tallow Street Theatre`);
  const heading = useHeadingFocus();
  const now = useTheatreTime(office.clock);
  const at = Date.parse(startsAt);
  return (
    <main className="show notice-page" data-state={state}>
      <article className="poster playbill notice-bill">
        <div className="poster-sheet">
          <p className="poster-kind">
            {kinds[state]} {isYours ? 'Put up by you' : `Put up by ${owner.name}`}
          </p>
          <h1 ref={heading} tabIndex={-1}>
            {headline}
          </h1>
          <p className="poster-line">{place}</p>
          <p className="poster-when">
            {dayAndTime(at, now)} · {until(at, now)}
          </p>
        </div>
      </article>
      <div className="notice-side">
        {description && <p className="notice-text">{description}</p>}
        {isYours ? (
          <Own office={office} event={event} now={now} />
        ) : (
          <Sheet office={office} event={event} now={now} />
        )}
        <Link to={callboardPath} className="link">
          Back to the callboard
        </Link>
      </div>
    </main>
  );
}

const kinds = { public: '', private: 'Private.', draft: 'A draft.' } as const;

/** The sheet beneath, on which one puts oneself down. */
function Sheet({ office: { callboard, announcer }, event, now }: NoticeProps & { readonly now: number }) {
  const { isSubscribed, subscribers, headline, startsAt } = event;
  const { busy, trouble, attempt } = useAttempt();
  const at = Date.parse(startsAt);
  const leads = leadsInWords(callboard.rules.leadTimesMs, at, now);
  const toggle = () =>
    attempt(async () => {
      await (isSubscribed ? callboard.strikeOff(event) : callboard.putDown(event));
      announcer.say(
        isSubscribed ? `You are not down for ${headline} any more.` : `You are down for ${headline}.`,
      );
    });
  return (
    <section className="sheet" aria-labelledby="sheet">
      <h2 id="sheet" className="section-title">
        The sheet
      </h2>
      <p>{isSubscribed ? youAndOthersDown(subscribers) : peopleDown(subscribers)}.</p>
      {at > now && (
        <p>
          {leads === undefined
            ? 'It begins within the hour: nobody is told any more.'
            : `Who is down for it is told ${leads}.`}
        </p>
      )}
      {(isSubscribed || at > now) && (
        <p>
          <button
            type="button"
            className={isSubscribed ? 'button quiet' : 'button'}
            aria-disabled={busy}
            onClick={toggle}
          >
            {isSubscribed ? 'Strike me off' : 'Put me down'}
          </button>
        </p>
      )}
      <p className="trouble" role="alert">
        {trouble}
      </p>
    </section>
  );
}

/** What its owner can do. */
function Own({ office, event, now }: NoticeProps & { readonly now: number }) {
  const { callboard, announcer } = office;
  const { subscribers, headline } = event;
  const { busy, trouble, attempt } = useAttempt();
  const [isEditing, setEditing] = useState(false);
  const takeDown = () =>
    attempt(async () => {
      await callboard.takeDown(event);
      announcer.say(`${headline} is taken down.`);
      router.go(callboardPath);
    });
  return (
    <section className="sheet" aria-labelledby="sheet">
      <h2 id="sheet" className="section-title">
        Yours
      </h2>
      <p>
        {peopleDown(subscribers)}.{subscribers > 0 && ' If you move it, they are told again.'}
      </p>
      {isEditing ? (
        <Editing office={office} event={event} now={now} close={() => setEditing(false)} />
      ) : (
        <p className="row">
          <button type="button" className="button" onClick={() => setEditing(true)}>
            Change it
          </button>
          <button type="button" className="button quiet" aria-disabled={busy} onClick={takeDown}>
            Take it down
          </button>
        </p>
      )}
      <p className="trouble" role="alert">
        {trouble}
      </p>
    </section>
  );
}

interface EditingProps extends NoticeProps {
  readonly now: number;
  readonly close: () => void;
}

/** Its owner's, in another tab, may be quicker. */
function Editing({ office: { callboard, announcer }, event, now, close }: EditingProps) {
  const base = useRef(event);
  const save = async ({ startsAt, ...draft }: EventDraft) => {
    const { id, startsAt: before } = base.current;
    // The form knows no seconds.
    const isMoved = localInput(Date.parse(startsAt)) !== localInput(Date.parse(before));
    try {
      await callboard.change(base.current, { ...draft, ...(isMoved && { startsAt }) });
    } catch (error) {
      if (!Quicker.is(error)) throw error;
      await callboard.look(id);
      base.current = callboard.of(id) ?? base.current;
      throw new Quicker();
    }
    close();
    announcer.say('It is changed.');
  };
  return <NoticeForm begin={base.current} now={now} submitText="Change it" save={save} cancel={close} />;
}
