import { useEffect, useState } from 'react';
import { startIn } from '../../shared/events.ts';
import type { Office } from '../office.ts';
import { eventPath } from '../route.ts';
import { router } from '../router.ts';
import { Strip } from '../strip.tsx';
import { useHeadingFocus } from '../use-heading-focus.ts';
import { useTitle } from '../use-title.ts';
import { NoticeForm } from './notice-form.tsx';
import { useTheatreTime } from './theatre-time.ts';

/** Where one writes a notice. */
export function PostPage({ office }: { readonly office: Office }) {
  useTitle('Put up a notice · Tallow Street Theatre');
  const { callboard, clock } = office;
  const heading = useHeadingFocus();
  const now = useTheatreTime(clock);
  const [startsAt] = useState(() => startIn(26, now));
  useEffect(() => void callboard.refresh(), [callboard]);
  return (
    <>
      <Strip />
      <main className="no-show post">
        <h1 ref={heading} tabIndex={-1}>
          Put up a notice
        </h1>
        <p>Whoever puts their name down for it is told in time. As it stands, it begins in 26 hours.</p>
        <NoticeForm
          begin={{ headline: '', description: '', place: '', startsAt, state: 'public' }}
          now={now}
          submitText="Put it up"
          save={async (draft) => {
            const { id } = await callboard.post(draft);
            router.go(eventPath(id));
          }}
        />
      </main>
    </>
  );
}
