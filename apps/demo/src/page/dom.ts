/** The element of the page that has this id. @throws where there is none, or one of another kind. */
export function byId<E extends HTMLElement>(id: string, kind: { new (): E; readonly name: string }): E {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new TypeError(`#${id} is no ${kind.name}`);
  return found;
}

type Child = Node | string;

/** An element with a class and children. What others wrote gets in as text, never as markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

/** Of the day, to the second. */
export function clockTime(at: number | string = Date.now()): HTMLTimeElement {
  const date = new Date(at);
  const time = element('time', '', date.toLocaleTimeString('en-GB'));
  time.dateTime = date.toISOString();
  return time;
}

/** `850 ms`, `14 s`, `3 min`. */
export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 90_000) return `${Math.round(ms / 1_000)} s`;
  return `${Math.round(ms / 60_000)} min`;
}
