import { useEffect, useState } from 'react';
import { Announcements } from './announcements.tsx';
import { Bar } from './bar.tsx';
import { LineDown } from './line-down.tsx';
import { Masthead } from './masthead.tsx';
import { Notes } from './notes.tsx';
import { type Office, openOffice } from './office.ts';
import type { Pass } from './pass.ts';
import { RestError } from './rest.ts';
import { Season } from './season.tsx';
import { ShortlistCard } from './shortlist-card.tsx';
import { TabsCard } from './tabs-card.tsx';
import { TheBook } from './the-book.tsx';
import { Tonight } from './tonight.tsx';

interface BoxOfficeProps {
  readonly pass: Pass;
  /** Signs this tab out. */
  readonly leave: (why?: string) => void;
}

export function BoxOffice({ pass, leave }: BoxOfficeProps) {
  const office = useOffice(pass, leave);
  if (office === undefined) return null;
  return (
    <>
      <Bar office={office} leave={leave} />
      <LineDown office={office} />
      <Masthead small />
      <main className="counter">
        <Tonight counter={office.counter} show={office.shows[0]} />
        <Season shows={office.shows} desk={office.shortlist} />
        <div className="side">
          <ShortlistCard shows={office.shows} desk={office.shortlist} />
          <Notes office={office} />
          <TabsCard office={office} />
        </div>
        <TheBook book={office.book} />
      </main>
      <Announcements announcer={office.announcer} />
    </>
  );
}

/** Open for as long as the pass is the same. */
function useOffice(pass: Pass, leave: (why?: string) => void): Office | undefined {
  const [office, setOffice] = useState<Office>();
  useEffect(() => {
    let over = false;
    let opened: Office | undefined;
    document.title = `${pass.user.name} at Tallow Street`;
    openOffice(pass, leave).then(
      (next) => {
        if (over) return next.close();
        opened = next;
        setOffice(next);
      },
      (error: unknown) => {
        if (over) return;
        const refused = error instanceof RestError && error.status === 401;
        leave(refused ? PASS_UNKNOWN : (error as Error).message);
      },
    );
    return () => {
      over = true;
      opened?.close();
      document.title = 'Tallow Street Theatre';
    };
  }, [pass, leave]);
  return office;
}

const PASS_UNKNOWN = 'The box office does not know your pass any more. Please sign in anew.';
