import { useState } from 'react';
import { RestError } from './rest.ts';

/** One thing at a time, and why it did not work. */
export function useAttempt() {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string>();
  const attempt = (work: () => Promise<void>) => {
    if (busy) return;
    setBusy(true);
    setTrouble(undefined);
    work()
      .catch((error: unknown) =>
        setTrouble(error instanceof RestError ? error.message : 'That did not work.'),
      )
      .finally(() => setBusy(false));
  };
  return { busy, trouble, attempt };
}

/** What was changed was not what is there now. Whoever wrote it decides which of the two it is to be. */
export class Quicker extends RestError {
  constructor() {
    super(
      412,
      'STALE',
      'Somebody was quicker: their words stand above, yours here. Once more, and yours take their place.',
    );
  }

  static is(error: unknown): boolean {
    return error instanceof RestError && error.code === 'STALE';
  }
}
