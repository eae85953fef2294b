import { type FormEvent, useState } from 'react';
import { MAX_NOTE_LENGTH } from '../shared/limits.ts';
import { clockTime } from './clock-time.ts';
import { FailureSlip } from './failure-slip.tsx';
import type { Office } from './office.ts';
import type { Outgoing } from './pigeonholes.ts';
import { useStore } from './store.ts';

/** Notes to other users, and from them. */
export function Notes({ office }: { readonly office: Office }) {
  const { company, pigeonholes } = office;
  const { notes, outgoing, gapAt } = useStore(pigeonholes);
  useStore(company);
  return (
    <section className="card notes" aria-labelledby="notes">
      <h2 id="notes" className="section-title">
        Pigeonholes
      </h2>
      <NoteForm office={office} />
      <ul className="outgoing" aria-label="Notes you sent">
        {outgoing.map((each) => (
          <OutgoingNote
            key={each.id}
            note={each}
            name={company.nameOf(each.to)}
            forget={() => pigeonholes.forget(each.id)}
          />
        ))}
      </ul>
      {gapAt !== undefined && (
        <p className="pending">
          The line was down for too long: notes from before {clockTime(gapAt)} may be missing.
        </p>
      )}
      {notes.length === 0 ? (
        <p className="empty">Nothing for you so far.</p>
      ) : (
        <ul className="received" aria-label="Notes for you">
          {notes.map(({ id, at, text, from, recovered }) => (
            <li key={id} className="note" data-recovered={recovered}>
              <p className="note-text">{text}</p>
              <p className="note-from">
                {company.nameOf(from)}, {clockTime(at)}
                {recovered && <span className="mark">while you were away</span>}
              </p>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function NoteForm({ office }: { readonly office: Office }) {
  const { pass, company, pigeonholes, greenRoom } = office;
  const { people } = useStore(greenRoom);
  const others = useStore(company).filter(({ id }) => id !== pass.user.id);
  const [to, setTo] = useState('');
  const [text, setText] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() === '') return;
    pigeonholes.send(to || (others[0]?.id ?? ''), text.trim());
    setText('');
    greenRoom.wrote();
  };
  return (
    // Who is in changes: it is looked up again when somebody is about to write.
    <form
      className="note-form"
      autoComplete="off"
      onSubmit={submit}
      onFocus={() => company.refresh().catch(() => {})}
    >
      <label htmlFor="note-to">To</label>
      <select id="note-to" value={to || others[0]?.id} onChange={({ target }) => setTo(target.value)}>
        {others.map(({ id, name, role }) => (
          <option key={id} value={id}>
            {name}, {role.toLowerCase()}
            {people.get(id)?.status === 'OFFLINE' ? ' (not in)' : ''}
          </option>
        ))}
      </select>
      <label htmlFor="note-text">Note</label>
      <input
        id="note-text"
        required
        maxLength={MAX_NOTE_LENGTH}
        value={text}
        onChange={({ target }) => {
          setText(target.value);
          greenRoom.writes();
        }}
        onBlur={() => greenRoom.wrote()}
      />
      <button type="submit" className="button">
        Send
      </button>
    </form>
  );
}

interface OutgoingNoteProps {
  readonly note: Outgoing;
  readonly name: string;
  readonly forget: () => void;
}

function OutgoingNote({ note, name, forget }: OutgoingNoteProps) {
  const { text, state, failure, retry } = note;
  return (
    <li className="sent" data-state={state}>
      <p>
        <span className="sent-state">{failure?.open ? 'Not confirmed' : words[state]}</span> to {name}:{' '}
        <q>{text}</q>
      </p>
      {failure && <FailureSlip failure={failure} retry={retry} forget={forget} />}
    </li>
  );
}

const words = { sending: 'On its way', delivered: 'Delivered', failed: 'Not delivered' } as const;
