import type { FormEvent } from 'react';
import {
  type EventDraft,
  type EventState,
  MAX_DESCRIPTION,
  MAX_HEADLINE,
  MAX_PLACE,
} from '../../shared/events.ts';
import { FormFoot } from '../form-foot.tsx';
import { useAttempt } from '../use-attempt.ts';
import { localInput } from './times.ts';

interface NoticeFormProps {
  /** What it begins with. */
  readonly begin: EventDraft;
  /** By the theatre's clock. */
  readonly now: number;
  readonly submitText: string;
  /** What it throws is shown. */
  readonly save: (draft: EventDraft) => Promise<void>;
  readonly cancel?: () => void;
}

/** A notice, as one writes it. */
export function NoticeForm({ begin, now, submitText, save, cancel }: NoticeFormProps) {
  const { busy, trouble, attempt } = useAttempt();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const field = (name: string) => String(form.get(name)).trim();
    attempt(async () =>
      save({
        headline: field('headline'),
        description: field('description'),
        place: field('place'),
        startsAt: new Date(field('startsAt')).toISOString(),
        state: field('state') as EventState,
      }),
    );
  };
  return (
    <form className="notice-form" autoComplete="off" onSubmit={submit}>
      <label htmlFor="headline">Headline</label>
      <input id="headline" name="headline" required maxLength={MAX_HEADLINE} defaultValue={begin.headline} />
      <label htmlFor="place">Place</label>
      <input id="place" name="place" required maxLength={MAX_PLACE} defaultValue={begin.place} />
      <label htmlFor="starts-at">Begins</label>
      <input
        id="starts-at"
        name="startsAt"
        type="datetime-local"
        required
        min={localInput(now)}
        defaultValue={localInput(Date.parse(begin.startsAt))}
      />
      <label htmlFor="description">What it is</label>
      <textarea
        id="description"
        name="description"
        rows={5}
        maxLength={MAX_DESCRIPTION}
        defaultValue={begin.description}
      />
      <fieldset className="states">
        <legend>Who may read it</legend>
        {states.map(({ state, text, about }) => (
          <label key={state} className="state">
            <input type="radio" name="state" value={state} defaultChecked={state === begin.state} />
            <span>
              {text} <span className="state-about">{about}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <FormFoot submitText={submitText} busy={busy} trouble={trouble} cancel={cancel} />
    </form>
  );
}

const states = [
  { state: 'public', text: 'Everybody', about: 'It hangs on the board.' },
  { state: 'private', text: 'Who has its address', about: 'It hangs nowhere.' },
  { state: 'draft', text: 'Nobody yet', about: 'A draft is yours alone.' },
] as const;
