import { useEffect, useState } from 'react';
import { channelOf } from '../../shared/show-channel.ts';
import type { ShowId } from '../../shared/shows.ts';
import type { Office } from '../office.ts';
import { useStore } from '../store.ts';
import { Avatar } from './avatar.tsx';
import { seenInWords } from './seen-in-words.ts';

/** Who is looking at this show, and is seen to. */
export function Lookers({ office, show }: { readonly office: Office; readonly show: ShowId }) {
  const { pass, company, greenRoom } = office;
  const { people, own } = useStore(greenRoom);
  useStore(company);
  const [ids, setIds] = useState<readonly string[]>([]);
  useEffect(() => greenRoom.lookers(channelOf(show), setIds), [greenRoom, show]);
  return (
    <div className="lookers">
      <h3 id="lookers" className="over">
        Looking at it
      </h3>
      <ul className="people" aria-labelledby="lookers">
        {ids.map((id) => {
          const isOwn = id === pass.user.id;
          const name = isOwn ? pass.user.name : company.nameOf(id);
          const presence = isOwn ? own : people.get(id);
          return (
            <li key={id} data-person={name}>
              <Avatar name={name} presence={presence} />
              <span className="person-name">{isOwn ? 'You' : name}</span>
              <span className="person-state">{seenInWords(presence)}</span>
            </li>
          );
        })}
      </ul>
      {own?.choice === 'invisible' && !ids.includes(pass.user.id) && (
        <p className="small">You are not seen here.</p>
      )}
    </div>
  );
}
