import type { Demo } from '../src/demo.ts';
import type { EventDraft, TheatreEvent } from '../src/shared/events.ts';

export interface Answer<T> {
  readonly status: number;
  readonly body: T & { readonly error: { readonly code: string; readonly message: string } };
  readonly headers: Headers;
}

export interface Asked {
  readonly body?: unknown;
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The REST API of a demo that is listening, over real sockets. */
export class Api {
  readonly #base: string;

  constructor(port: number) {
    this.#base = `http://127.0.0.1:${port}/api`;
  }

  async ask<T = unknown>(method: string, path: string, asked: Asked = {}): Promise<Answer<T>> {
    const { body, token, headers } = asked;
    const response = await fetch(`${this.#base}${path}`, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const { status, headers: answered } = response;
    return {
      status,
      body: (text === '' ? undefined : JSON.parse(text)) as Answer<T>['body'],
      headers: answered,
    };
  }

  post(token: string | undefined, draft: unknown) {
    return this.ask<TheatreEvent>('POST', '/events', { token, body: draft });
  }
  get(id: string, token?: string) {
    return this.ask<TheatreEvent>('GET', `/events/${id}`, { token });
  }
  change(id: string, token: string | undefined, version: number | string, change: unknown) {
    const headers = { 'if-match': typeof version === 'string' ? version : `W/"${version}"` };
    return this.ask<TheatreEvent>('PATCH', `/events/${id}`, { token, body: change, headers });
  }
  takeDown(id: string, token?: string) {
    return this.ask('DELETE', `/events/${id}`, { token });
  }
  putDown(id: string, token?: string) {
    return this.ask<TheatreEvent>('PUT', `/events/${id}/subscription`, { token });
  }
  strikeOff(id: string, token?: string) {
    return this.ask('DELETE', `/events/${id}/subscription`, { token });
  }
  async list(token?: string, query = '') {
    const { body } = await this.ask<{ events: TheatreEvent[]; next?: string }>('GET', `/events${query}`, {
      token,
    });
    return body;
  }
  later(by: string, token?: string) {
    return this.ask<{ aheadMs: number }>('POST', '/clock', { token, body: { by } });
  }
}

export const hourMs = 3_600_000;

/** A notice that is good. */
export function notice(inHours = 26, change: Partial<EventDraft> = {}): EventDraft {
  return {
    headline: 'Read-through',
    description: 'Bring the book.\nAnd a pencil.',
    place: 'Rehearsal room',
    startsAt: new Date(Date.now() + inHours * hourMs).toISOString(),
    state: 'public',
    ...change,
  };
}

/** Of some that have an account from the start. */
export async function tokensOf(demo: Demo) {
  const [orla, teodor, winifred, barnaby] = await Promise.all(
    ['orla', 'teodor', 'winifred', 'barnaby'].map((id) => demo.passes.issue(id)),
  );
  return { orla, teodor, winifred, barnaby } as Record<'orla' | 'teodor' | 'winifred' | 'barnaby', string>;
}
