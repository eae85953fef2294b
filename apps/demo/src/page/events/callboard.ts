import type { EventChange, EventDraft, EventPage, HouseRules, TheatreEvent } from '../../shared/events.ts';
import type { Pass } from '../pass.ts';
import { ask, RestError } from '../rest.ts';
import { Store } from '../store.ts';

export interface CallboardView {
  /** Those that are known here, by start; undefined before the server has said. */
  readonly events?: readonly TheatreEvent[];
  /** Ids of those that are not there, or not for this person. */
  readonly missing: ReadonlySet<string>;
  /** Why it is not as the server has it. */
  readonly failure?: RestError;
}

/** What is on the callboard, as the REST API tells it to this person. */
export class Callboard extends Store<CallboardView> {
  readonly rules: HouseRules;
  readonly #pass: Pass;

  constructor(pass: Pass, rules: HouseRules) {
    super({ missing: new Set() });
    this.#pass = pass;
    this.rules = rules;
  }

  of(id: string): TheatreEvent | undefined {
    return this.get().events?.find((event) => event.id === id);
  }

  /** Reads all of it again. */
  async refresh(): Promise<void> {
    try {
      const events: TheatreEvent[] = [];
      for (let after = ''; events.length < MOST_SHOWN; ) {
        const page = await ask<EventPage>(`/events${after && `?after=${after}`}`, {
          token: this.#pass.token,
        });
        events.push(...page.events);
        if (page.next === undefined) break;
        after = page.next;
      }
      const listed = new Set(events.map(({ id }) => id));
      const byAddress = (this.get().events ?? []).filter(
        ({ id, state }) => state === 'private' && !listed.has(id),
      );
      this.set({ missing: new Set(), events: [...events, ...byAddress] });
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Reads this one. */
  async look(id: string): Promise<void> {
    try {
      this.#know(await ask<TheatreEvent>(`/events/${encodeURIComponent(id)}`, { token: this.#pass.token }));
    } catch (error) {
      if (!(error instanceof RestError && (error.status === 404 || error.status === 400)))
        return this.#failed(error);
      this.#forget(id);
    }
  }

  /** @throws RestError, as all below */
  async post(draft: EventDraft): Promise<TheatreEvent> {
    return this.#know(await this.#ask('', 'POST', { body: draft, words }));
  }

  async change({ id, version }: TheatreEvent, change: EventChange): Promise<TheatreEvent> {
    return this.#know(await this.#ask(`/${id}`, 'PATCH', { body: change, version, words }));
  }

  async takeDown({ id }: TheatreEvent): Promise<void> {
    await this.#ask(`/${id}`, 'DELETE');
    this.#forget(id);
  }

  async putDown({ id }: TheatreEvent): Promise<void> {
    this.#know(await this.#ask(`/${id}/subscription`, 'PUT'));
  }

  async strikeOff({ id }: TheatreEvent): Promise<void> {
    await this.#ask(`/${id}/subscription`, 'DELETE');
    await this.look(id);
  }

  #ask(
    path: string,
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    more: { body?: object; version?: number; words?: Readonly<Record<number, string>> } = {},
  ) {
    return ask<TheatreEvent>(`/events${path}`, { method, token: this.#pass.token, ...more });
  }

  #know(event: TheatreEvent): TheatreEvent {
    const others = (this.get().events ?? []).filter(({ id }) => id !== event.id);
    const events = [...others, event].sort((a, b) => Date.parse(a.startsAt) - Date.parse(b.startsAt));
    this.set({ missing: without(this.get().missing, event.id), events });
    return event;
  }

  #forget(gone: string): void {
    const { events = [], missing } = this.get();
    this.set({ missing: new Set([...missing, gone]), events: events.filter(({ id }) => id !== gone) });
  }

  #failed(error: unknown): void {
    if (!(error instanceof RestError)) throw error;
    this.set({ ...this.get(), failure: error });
  }
}

const MOST_SHOWN = 200;
const words = { 400: 'A headline, a place and a time to come: that is what a notice needs.' };

function without(ids: ReadonlySet<string>, id: string): ReadonlySet<string> {
  return new Set([...ids].filter((each) => each !== id));
}

export const fetchRules = () => ask<HouseRules>('/rules');
/** Lets an hour or a day pass in the theatre. @throws RestError */
export const moveTime = (by: 'hour' | 'day', token: string) =>
  ask('/clock', { method: 'POST', body: { by }, token });
