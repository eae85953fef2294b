import { useEffect, useState } from 'react';
import { Announcements } from './announcements.tsx';
import { Bar } from './bar.tsx';
import { Bill } from './bill.tsx';
import { CornerPage } from './corner-page.tsx';
import { CallboardPage } from './events/callboard-page.tsx';
import { EventPage } from './events/event-page.tsx';
import { PostPage } from './events/post-page.tsx';
import { Toasts } from './events/toasts.tsx';
import { LineDown } from './line-down.tsx';
import { CardPage } from './live/card-page.tsx';
import { NotOnTheBill } from './not-on-the-bill.tsx';
import { type Office, openOffice } from './office.ts';
import type { Pass } from './pass.ts';
import { RestError } from './rest.ts';
import { router } from './router.ts';
import { ShowPage } from './show-page.tsx';
import { useStore } from './store.ts';

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
      <Page office={office} />
      <Toasts office={office} />
      <Announcements announcer={office.announcer} />
    </>
  );
}

/** The one that the address is of. Another show is another page. */
function Page({ office }: { readonly office: Office }) {
  const { route, backFrom } = useStore(router);
  if (route.page === 'bill') return <Bill office={office} backFrom={backFrom} />;
  if (route.page === 'corner') return <CornerPage office={office} />;
  if (route.page === 'card') return <CardPage office={office} />;
  if (route.page === 'callboard') return <CallboardPage office={office} />;
  if (route.page === 'post') return <PostPage office={office} />;
  if (route.page === 'event') return <EventPage key={route.event} office={office} id={route.event} />;
  const show = office.shows.find(({ id }) => id === route.show);
  return show === undefined ? <NotOnTheBill /> : <ShowPage key={show.id} office={office} show={show} />;
}

/** Open for as long as the pass is the same. */
function useOffice(pass: Pass, leave: (why?: string) => void): Office | undefined {
  const [office, setOffice] = useState<Office>();
  useEffect(() => {
    let over = false;
    let opened: Office | undefined;
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
    };
  }, [pass, leave]);
  return office;
}

const PASS_UNKNOWN = 'The box office does not know your pass any more. Please sign in anew.';
