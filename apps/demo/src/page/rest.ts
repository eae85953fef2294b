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
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

interface Login {
  readonly email: string;
  readonly password: string;
}

export const signUp = (newcomer: Login & { readonly name: string }) =>
  ask<Pass>('/sign-up', { method: 'POST', body: newcomer, words });
export const signIn = (login: Login) => ask<Pass>('/sign-in', { method: 'POST', body: login, words });
/** For one that is still good. */
export const renewPass = (token: string) => ask<Pass>('/renew', { method: 'POST', token });
export const fetchShows = async () => (await ask<{ shows: Season }>('/shows')).shows;
export const fetchCompany = async (token: string) =>
  (await ask<{ company: readonly Colleague[] }>('/company', { token })).company;

export interface Asking {
  /** Default: GET. */
  readonly method?: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: object;
  readonly token?: string;
  /** Which version is to be changed. */
  readonly version?: number;
  /** In place of what the server says, by status. */
  readonly words?: Readonly<Record<number, string>>;
}

/** @throws RestError */
export async function ask<T>(path: string, asking: Asking = {}): Promise<T> {
  const { method = 'GET', body, token, version, words = {} } = asking;
  let response: Response;
  try {
    response = await fetch(`/api${path}`, {
      method,
      headers: {
        ...(body && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
        ...(version !== undefined && { 'if-match': `W/"${version}"` }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  } catch {
    throw new RestError(0, 'NO_ANSWER', 'The box office does not answer. Is the server running?');
  }
  const { status, ok } = response;
  if (status === 204) return undefined as T;
  if (ok) return (await response.json()) as T;
  const { code, message } = await errorIn(response);
  throw new RestError(status, code, words[status] ?? message);
}

async function errorIn(response: Response): Promise<{ code: string; message: string }> {
  const otherwise = { code: 'REFUSED', message: `The box office said no (${response.status}).` };
  try {
    const { error } = (await response.json()) as { error?: { code?: string; message?: string } };
    return { ...otherwise, ...error };
  } catch {
    return otherwise;
  }
}

const words: Readonly<Record<number, string>> = {
  400: 'A name has 1 to 40 characters, an e-mail an @ and a domain, a password at least 8 characters.',
  429: 'That was a great many attempts. Try again in a minute.',
};
