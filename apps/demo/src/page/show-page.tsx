import { useEffect, useState } from 'react';
import type { Show } from '../shared/shows.ts';
import { FailureSlip } from './failure-slip.tsx';
import type { HouseWatch } from './house-watch.ts';
import { ProgrammeLeaf } from './live/programme.tsx';
import { LiveHouse } from './live-house.tsx';
import { Motif } from './motif.tsx';
import type { Office } from './office.ts';
import { OtherShows } from './other-shows.tsx';
import { Lookers } from './presence/lookers.tsx';
import { Reserve } from './reserve.tsx';
import { useStore } from './store.ts';
import { Strip } from './strip.tsx';
import { TheBook } from './the-book.tsx';
import { useHeadingFocus } from './use-heading-focus.ts';
import { useTitle } from './use-title.ts';
import { YourSeats } from './your-seats.tsx';

interface ShowPageProps {
  readonly office: Office;
  readonly show: Show;
}

/** One show, with its house as it is from moment to moment. */
export function ShowPage({ office, show }: ShowPageProps) {
  useTitle(`${show.title} · Tallow Street Theatre`);
  const watch = useWatch(office, show);
  return (
    <>
      <Strip />
      <main className="show" data-show={show.id}>
        <Playbill office={office} show={show} />
        <section className="show-house" aria-labelledby="house">
          <h2 id="house" className="section-title">
            The house
          </h2>
          {watch && <House office={office} show={show} watch={watch} />}
          <Lookers office={office} show={show.id} />
        </section>
        <ProgrammeLeaf office={office} show={show} />
        <OtherShows shows={office.shows} except={show.id} />
        <TheBook book={office.book} />
      </main>
    </>
  );
}

/** In the show's channel for as long as the page is there. */
function useWatch(office: Office, { id }: Show): HouseWatch | undefined {
  const [watch, setWatch] = useState<HouseWatch>();
  useEffect(() => {
    const opened = office.watch(id);
    setWatch(opened);
    return () => opened.close();
  }, [office, id]);
  return watch;
}

function Playbill({ office: { shortlist: desk }, show }: ShowPageProps) {
  const { id, title, kind, line, when } = show;
  const { shortlist } = useStore(desk);
  const heading = useHeadingFocus();
  return (
    <article className="poster playbill" data-show={id}>
      <div className="poster-sheet">
        <p className="poster-kind">{kind}</p>
        <Motif show={id} />
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        <p className="poster-line">{line}</p>
        <p className="poster-when">{when}</p>
      </div>
      <button
        type="button"
        className="poster-button"
        aria-pressed={shortlist[id]?.listed ?? false}
        onClick={() => desk.toggle(id)}
      >
        Shortlist<span className="unseen"> {title}</span>
      </button>
    </article>
  );
}

function House({ office, show: { id }, watch }: ShowPageProps & { readonly watch: HouseWatch }) {
  const { reservations } = office;
  const { own: status } = useStore(office.greenRoom);
  const view = useStore(watch);
  useStore(reservations);
  const own = reservations.of(id);
  return (
    <>
      <LiveHouse view={view} mine={own.seats} unseen={status?.choice === 'invisible'} />
      {view.failure && <FailureSlip failure={view.failure} retry={() => watch.again()} />}
      <Reserve view={view} own={own} reserve={() => reservations.reserve(id)} />
      {own.failure && (
        <FailureSlip failure={own.failure} retry={own.retry} forget={() => reservations.forget(id)} />
      )}
      <YourSeats own={own} giveBack={(seat) => reservations.giveBack(id, seat)} />
    </>
  );
}
