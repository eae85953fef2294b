import type { AnyAction } from '@callboard/protocol';
import { clockTime, element } from './dom.ts';

const MAX_EVENTS = 40;

export interface Tab {
  readonly clientId: string;
  readonly online: boolean;
}

/** What is shown of these, and so what the page subscribes to. */
export const shownEvents = [
  'STATUS_CHANGE',
  'CLIENT_ONLINE',
  'CLIENT_LOST',
  'CLIENT_RESUMED',
  'CLIENT_GONE',
  'SERVER_DRAINING',
] as const;

/** The user's clients, as the server counted them and as events have changed that since; and the events. */
export class MyTabs {
  readonly #list: HTMLElement;
  readonly #feed: HTMLElement;
  readonly #tabs = new Map<string, boolean>();
  #self = '';

  constructor(list: HTMLElement, feed: HTMLElement) {
    this.#list = list;
    this.#feed = feed;
  }

  clear(): void {
    this.#tabs.clear();
    this.#feed.replaceChildren();
    this.#show();
  }

  counted(self: string, tabs: readonly Tab[]): void {
    this.#self = self;
    this.#tabs.clear();
    for (const { clientId, online } of tabs) this.#tabs.set(clientId, online);
    this.#show();
  }

  event(event: AnyAction): void {
    const clientId = String(event.clientId);
    if (event.type === 'CLIENT_ONLINE' || event.type === 'CLIENT_RESUMED') this.#tabs.set(clientId, true);
    if (event.type === 'CLIENT_LOST') this.#tabs.set(clientId, false);
    if (event.type === 'CLIENT_GONE') this.#tabs.delete(clientId);
    this.#show();
    this.#feed.prepend(
      element(
        'li',
        '',
        clockTime(Number(event.at)),
        element('span', 'type', event.type),
        element('span', 'about', aboutEvent(event)),
      ),
    );
    while (this.#feed.childElementCount > MAX_EVENTS) this.#feed.lastElementChild?.remove();
  }

  #show(): void {
    const others = [...this.#tabs].filter(([clientId]) => clientId !== this.#self);
    const items = others.map(([clientId, online]) =>
      element(
        'li',
        online ? 'here' : 'lost',
        element('code', '', clientId),
        element('span', '', online ? 'is here' : 'is away for now'),
      ),
    );
    this.#list.replaceChildren(
      ...(items.length > 0 ? items : [element('li', 'none', 'No other tab of yours is open.')]),
    );
  }
}

function aboutEvent({ type, clientId, status, previousStatus, reason }: AnyAction): string {
  if (type === 'STATUS_CHANGE') return `${previousStatus} → ${status}`;
  if (clientId === undefined) return '';
  return reason === undefined ? String(clientId) : `${clientId}: ${reason}`;
}
