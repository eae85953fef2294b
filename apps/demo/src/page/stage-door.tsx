import { useEffect, useState } from 'react';
import { COMPANY_PASSWORD, company, emailOf } from '../shared/company.ts';
import { fetchRules } from './events/callboard.ts';
import { LoginForm } from './login-form.tsx';
import { Masthead } from './masthead.tsx';
import type { Pass } from './pass.ts';
import { RestError, signIn } from './rest.ts';

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
          <LoginForm come={come} />
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
        {company.map(({ id, name, role, does }) => (
          <li key={id}>
            <button
              type="button"
              className="member"
              aria-disabled={busy}
              onClick={() => void come(() => signIn({ email: emailOf(id), password: COMPANY_PASSWORD }))}
            >
              <span className="member-role">{role}</span>
              <span className="member-name">{name}</span>
              <span className="member-does">{does}</span>
            </button>
          </li>
        ))}
      </ul>
      <p className="small">
        They sign in as <code>{emailOf('orla')}</code> and so on; their password is{' '}
        <code>{COMPANY_PASSWORD}</code>, all four. It can be printed here because this box office serves this
        machine only.
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
