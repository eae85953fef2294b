import { useEffect } from 'react';
import { CornerCard } from './corner-card.tsx';
import { CallboardCard } from './events/callboard-card.tsx';
import { Masthead } from './masthead.tsx';
import { Notes } from './notes.tsx';
import type { Office } from './office.ts';
import { CompanyCard } from './presence/company-card.tsx';
import type { Route } from './route.ts';
import { posterId, Season } from './season.tsx';
import { ShortlistCard } from './shortlist-card.tsx';
import { TabsCard } from './tabs-card.tsx';
import { TheBook } from './the-book.tsx';
import { Tonight } from './tonight.tsx';
import { useTitle } from './use-title.ts';

interface BillProps {
  readonly office: Office;
  readonly backFrom: Route | undefined;
}

/** The first page: tonight, this winter, and what is the user's own. */
export function Bill({ office, backFrom }: BillProps) {
  useTitle(`${office.pass.user.name} at Tallow Street`);
  // Who comes back from a show is where they left, and not at the top.
  const poster = backFrom?.page === 'show' ? posterId(backFrom.show) : undefined;
  useEffect(() => {
    if (poster !== undefined) document.getElementById(poster)?.focus({ preventScroll: true });
  }, [poster]);
  return (
    <>
      <Masthead small />
      <main className="counter">
        <Tonight office={office} show={office.shows[0]} />
        <Season shows={office.shows} desk={office.shortlist} />
        <div className="side">
          <ShortlistCard shows={office.shows} desk={office.shortlist} />
          <CompanyCard office={office} />
          <Notes office={office} />
          <CallboardCard office={office} />
          <CornerCard />
          <TabsCard office={office} />
        </div>
        <TheBook book={office.book} />
      </main>
    </>
  );
}
