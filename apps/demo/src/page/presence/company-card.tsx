import type { Choice } from '@callboard/plugin-presence/client';
import { useState } from 'react';
import type { Office } from '../office.ts';
import { useStore } from '../store.ts';
import { Avatar } from './avatar.tsx';
import { seenInWords } from './seen-in-words.ts';

const choices: readonly [Choice, string][] = [
  ['auto', 'As you are'],
  ['away', 'Away'],
  ['doNotDisturb', 'Not to be disturbed'],
  ['invisible', 'Not in'],
];

/** Who of the company is in, and how; and how one wants to be seen oneself. */
export function CompanyCard({ office }: { readonly office: Office }) {
  const { pass, company, greenRoom } = office;
  const { people, writing } = useStore(greenRoom);
  const others = useStore(company).filter(({ id }) => id !== pass.user.id);
  return (
    <section className="card green-room" aria-labelledby="green-room">
      <h2 id="green-room" className="section-title">
        The green room
      </h2>
      <OwnStatus office={office} />
      <ul className="people" aria-label="The company">
        {others.map(({ id, name, role }) => (
          <li key={id} data-person={name} data-presence={people.get(id)?.status}>
            <Avatar name={name} presence={people.get(id)} />
            <span className="person-name">{name}</span>
            <span className="person-role">{role}</span>
            <span className="person-state">
              {writing.has(id) ? <em className="writing">is writing …</em> : seenInWords(people.get(id))}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What others see of whoever is at this tab, on all of their tabs. */
function OwnStatus({ office: { pass, greenRoom } }: { readonly office: Office }) {
  const { own } = useStore(greenRoom);
  const [failed, setFailed] = useState(false);
  const choose = (choice: Choice) => {
    setFailed(false);
    greenRoom.choose(choice).catch(() => setFailed(true));
  };
  return (
    <div className="own-status" data-testid="own-status">
      <Avatar name={pass.user.name} presence={own} />
      <label htmlFor="seen-as">You are seen</label>
      <select
        id="seen-as"
        value={own?.choice ?? 'auto'}
        disabled={own === undefined}
        onChange={({ target }) => choose(target.value as Choice)}
      >
        {choices.map(([choice, words]) => (
          <option key={choice} value={choice}>
            {words}
          </option>
        ))}
      </select>
      {failed && <p className="small">That did not get through: you are seen as before.</p>}
    </div>
  );
}
