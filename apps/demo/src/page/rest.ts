import type { Show } from '../shared/shows.ts';
import type { Pass } from './pass.ts';

/** The first one is tonight’s. */
export type Season = readonly [Show, ...Show[]];

export interface Colleague {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  /** Whether one of their tabs is open. */
  readonly isIn: boolean;
}

/** The server said no, or nothing at all (status 0). `message` is for people. */
export class RestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const signUp = (name: string, password: string) => ask<Pass>('/sign-up', { body: { name, password } });
export const signIn = (name: string, password: string) => ask<Pass>('/sign-in', { body: { name, password } });
export const fetchShows = async () => (await ask<{ shows: Season }>('/shows')).shows;
export const fetchCompany = async (token: string) =>
  (await ask<{ company: readonly Colleague[] }>('/company', { token })).company;

async function ask<T>(path: string, { body, token }: { body?: object; token?: string } = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/api${path}`, {
      headers: {
        ...(body && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
      },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    });
  } catch {
    throw new RestError(0, 'The box office does not answer. Is the server running?');
  }
  if (response.ok) return (await response.json()) as T;
  throw new RestError(
    response.status,
    words[response.status] ?? `The box office said no (${response.status}).`,
  );
}

const words: Readonly<Record<number, string>> = {
  400: 'A name has 1 to 40 characters, a password at least 8.',
  401: 'Name and password do not go together.',
  409: 'Somebody has that name already.',
  429: 'That was a great many attempts. Try again in a minute.',
  503: 'The book is full.',
};
