import { type FormEvent, useEffect, useRef, useState } from 'react';
import { MAX_EMAIL, MAX_NAME } from '../shared/programme.ts';
import type { Pass } from './pass.ts';
import { signIn, signUp } from './rest.ts';

/** For who has an account, or wants one. @param come shows what went wrong */
export function LoginForm({ come }: { readonly come: (ask: () => Promise<Pass>) => Promise<void> }) {
  const [isNew, setNew] = useState(false);
  const name = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (isNew) name.current?.focus();
  }, [isNew]);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const field = (name: string) => String(form.get(name));
    const login = { email: field('email').trim(), password: field('password') };
    void come(() => (isNew ? signUp({ ...login, name: field('name').trim() }) : signIn(login)));
  };
  return (
    <form onSubmit={submit} autoComplete="off">
      {isNew && (
        <div className="field">
          <label htmlFor="name">Name</label>
          <input ref={name} id="name" name="name" required maxLength={MAX_NAME} autoComplete="nickname" />
        </div>
      )}
      <div className="field">
        <label htmlFor="email">E-mail</label>
        <input
          id="email"
          name="email"
          type="email"
          required
          maxLength={MAX_EMAIL}
          autoComplete="username"
          aria-describedby={isNew ? 'email-rule' : undefined}
        />
        {isNew && (
          <p id="email-rule" className="small">
            Others see your name alone. Nothing is ever sent there: any address will do.
          </p>
        )}
      </div>
      <div className="field">
        <label htmlFor="password">Password</label>
        <input
          id="password"
          name="password"
          type="password"
          required
          minLength={8}
          maxLength={200}
          autoComplete={isNew ? 'new-password' : 'current-password'}
          aria-describedby={isNew ? 'password-rule' : undefined}
        />
        {isNew && (
          <p id="password-rule" className="small">
            Eight characters or more.
          </p>
        )}
      </div>
      <div className="row">
        <button type="submit" className="button">
          {isNew ? 'Sign up' : 'Sign in'}
        </button>
        <button type="button" className="link" onClick={() => setNew(!isNew)}>
          {isNew ? 'I have been here before' : 'I am new here'}
        </button>
      </div>
    </form>
  );
}
