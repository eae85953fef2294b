import { type FormEvent, useEffect, useState } from 'react';
import { COMPANY_PASSWORD, company } from '../shared/company.ts';
import { fetchRules } from './events/callboard.ts';
import { Masthead } from './masthead.tsx';
import type { Pass } from './pass.ts';
import { RestError, signIn, signUp } from './rest.ts';

interface StageDoorProps {
  /** Why one is here again. */
  readonly word: string | undefined;
  readonly enter: (pass: Pass) => void;
}

export function StageDoor({ word, enter }: StageDoorProps) {
  const [trouble, setTrouble] = useState<string>();
  const [busy, setBusy] = useState(false);
  const isDemo = useIsDemo();

  const come = async (ask: () => Promise<Pass>) => {
    if (busy) return;
    setBusy(true);
    setTrouble(undefined);
    try {
      enter(await ask());
    } catch (error) {
      setTrouble(error instanceof RestError ? error.message : 'Something went wrong here.');
      setBusy(false);
    }
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [name, password] = [String(form.get('name')).trim(), String(form.get('password'))];
    const { value } = (event.nativeEvent as SubmitEvent).submitter as HTMLButtonElement;
    void come(() => (value === 'sign-up' ? signUp(name, password) : signIn(name, password)));
  };

  return (
    <div className="door">
      <Masthead />
      <main className="door-main">
        <section aria-labelledby="who" className="who">
          {word && (
            <p className="word" role="alert">
              {word}
            </p>
          )}
          <h2 id="who">Who’s there?</h2>
          {isDemo && <Company busy={busy} come={come} />}
        </section>
        <section aria-labelledby="book-in" className="sign-in">
          <h2 id="book-in">Or sign the book</h2>
          <form onSubmit={submit} autoComplete="off">
            <label htmlFor="name">Name</label>
            <input id="name" name="name" required maxLength={40} autoComplete="username" />
            <label htmlFor="password">Password</label>
            <input
              id="password"
              name="password"
              type="password"
              required
              minLength={8}
              maxLength={200}
              autoComplete="current-password"
              aria-describedby="password-rule"
            />
            <p id="password-rule" className="small">
              Eight characters or more.
            </p>
            <div className="row">
              <button type="submit" value="sign-in" className="button">
                Sign in
              </button>
              <button type="submit" value="sign-up" className="button quiet">
                Sign up
              </button>
            </div>
          </form>
          <p className="trouble" role="alert">
            {trouble}
          </p>
        </section>
      </main>
    </div>
  );
}

interface CompanyProps {
  readonly busy: boolean;
  readonly come: (ask: () => Promise<Pass>) => Promise<void>;
}

/** Those whom everybody can be. */
function Company({ busy, come }: CompanyProps) {
  return (
    <>
      <p className="who-intro">
        Be one of the company. Open a second tab as somebody else, or as yourself again: it is the same
        shortlist.
      </p>
      <ul className="company" aria-label="The company">
        {company.map(({ name, role, does }) => (
          <li key={name}>
            <button
              type="button"
              className="member"
              aria-disabled={busy}
              onClick={() => void come(() => signIn(name, COMPANY_PASSWORD))}
            >
              <span className="member-role">{role}</span>
              <span className="member-name">{name}</span>
              <span className="member-does">{does}</span>
            </button>
          </li>
        ))}
      </ul>
      <p className="small">
        Their password is <code>{COMPANY_PASSWORD}</code>, all four. It can be printed here because this box
        office serves this machine only.
      </p>
    </>
  );
}

/** Production has nobody whose password is printed. */
function useIsDemo(): boolean {
  const [isDemo, setDemo] = useState(true);
  useEffect(() => {
    let over = false;
    fetchRules().then(
      ({ demo }) => over || setDemo(demo),
      () => {},
    );
    return () => {
      over = true;
    };
  }, []);
  return isDemo;
}
