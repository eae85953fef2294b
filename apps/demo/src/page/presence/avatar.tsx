import type { Seen } from './seen-in-words.ts';

/** Two letters in a frame, and a lamp that says how somebody is. What it says is said in words beside it. */
export function Avatar({ name, presence }: { readonly name: string; readonly presence: Seen }) {
  const lamp = presence?.status ?? 'OFFLINE';
  return (
    <span
      className="avatar"
      aria-hidden="true"
      data-presence={lamp}
      data-dnd={presence?.doNotDisturb ?? false}
    >
      {initials(name)}
      <span className="avatar-lamp" />
    </span>
  );
}

function initials(name: string): string {
  const words = name.split(/\s+/).filter(Boolean);
  const last = words.length > 1 ? words.at(-1) : '';
  return `${[...(words[0] ?? '?')][0]}${[...(last ?? '')][0] ?? ''}`.toUpperCase();
}
