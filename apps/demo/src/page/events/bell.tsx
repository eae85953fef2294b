import { type KeyboardEvent, useId, useRef, useState } from 'react';
import { Link } from '../link.tsx';
import type { Office } from '../office.ts';
import { eventPath } from '../route.ts';
import { useStore } from '../store.ts';
import { eventSoonIn, type Notices } from './notices.ts';
import { useTheatreTime } from './theatre-time.ts';
import { dayAndTime, until } from './times.ts';

/** How much is unread, and all of it behind that. */
export function Bell({ office }: { readonly office: Office }) {
  const { notices } = office;
  const { unread } = useStore(notices);
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useId();
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const onKeyDown = ({ key }: KeyboardEvent) => {
    if (key === 'Escape' && isOpen) close();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes it from wherever one is within
    <div className="bell-place" onKeyDown={onKeyDown}>
      <button
        ref={button}
        type="button"
        className="bell"
        data-unread={unread > 0}
        aria-expanded={isOpen}
        aria-controls={panel}
        onClick={() => setOpen(!isOpen)}
      >
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M12 2a2 2 0 0 0-2 2v.6C7 5.500 5 8 5 11v5l-2 3h18l-2-3v-5c0-3-2-5.500-5-6.400V4a2 2 0 0 0-2-2zM9 20.500a3 3 0 0 0 6 0z" />
        </svg>
        <span className="unseen">Notices, </span>
        <span className="bell-count" data-testid="unread">
          {unread}
        </span>
        <span className="unseen"> unread</span>
      </button>
      <section id={panel} className="bell-panel" hidden={!isOpen} aria-label="Notices">
        {isOpen && <NoticeList office={office} notices={notices} close={close} />}
      </section>
    </div>
  );
}

interface NoticeListProps {
  readonly office: Office;
  readonly notices: Notices;
  readonly close: () => void;
}

function NoticeList({ office, notices, close }: NoticeListProps) {
  const { items, unread } = useStore(notices);
  const now = useTheatreTime(office.clock);
  return (
    <>
      <p className="bell-head">
        <span className="over">For you</span>
        {unread > 0 && (
          <button type="button" className="link" onClick={() => notices.readAll()}>
            Mark all read
          </button>
        )}
      </p>
      {items.length === 0 && <p className="empty">Nobody calls you. What you are down for is told here.</p>}
      <ul className="bell-list" data-testid="notices">
        {items.map((item) => {
          const soon = eventSoonIn(item);
          if (soon === undefined) return null;
          return (
            <li key={item.id} data-state={item.state}>
              <Link
                to={eventPath(soon.event)}
                className="bell-headline"
                onFollow={() => {
                  notices.read([item.id]);
                  close();
                }}
              >
                {item.state === 'unread' && <span className="unseen">Unread: </span>}
                {soon.headline}
              </Link>
              <p className="bell-when">
                {dayAndTime(item.at, now)}, {until(item.at, now)}. {soon.place}.
              </p>
              <p className="row">
                {item.state === 'unread' && (
                  <button type="button" className="link" onClick={() => notices.read([item.id])}>
                    Read<span className="unseen"> {soon.headline}</span>
                  </button>
                )}
                <button type="button" className="link" onClick={() => notices.dismiss(item.id)}>
                  Dismiss<span className="unseen"> {soon.headline}</span>
                </button>
              </p>
            </li>
          );
        })}
      </ul>
    </>
  );
}
