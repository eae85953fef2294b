import { useCallback, useState } from 'react';
import { BoxOffice } from './box-office.tsx';
import { type Pass, passInTab } from './pass.ts';
import { StageDoor } from './stage-door.tsx';

/** Somebody is signed in to this tab, or nobody is. */
export function App() {
  const [pass, setPass] = useState(passInTab.read);
  const [word, setWord] = useState<string>();

  const enter = useCallback((next: Pass) => {
    passInTab.write(next);
    setWord(undefined);
    setPass(next);
  }, []);
  const leave = useCallback((why?: string) => {
    passInTab.forget();
    setWord(why);
    setPass(undefined);
  }, []);

  if (pass === undefined) return <StageDoor word={word} enter={enter} />;
  return <BoxOffice pass={pass} leave={leave} />;
}
