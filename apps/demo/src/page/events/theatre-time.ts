import type { ClientPlugin } from '@callboard/client';
import { useEffect, useState } from 'react';
import { TheatreClock } from '../../shared/theatre-clock.ts';
import { useStore } from '../store.ts';

export function createTheatreClock(): TheatreClock {
  return new TheatreClock({
    now: () => Date.now(),
    setTimeout: (task, ms) => setTimeout(task, ms),
    clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout> | undefined),
  });
}

/** The plugin with the theatre's time: by that of the machine, what has expired would still be there. */
export function byClock<const Name extends string, Api>(
  plugin: ClientPlugin<Name, Api>,
  timers: TheatreClock,
): ClientPlugin<Name, Api> {
  return { name: plugin.name, setup: (context) => plugin.setup({ ...context, timers }) };
}

const TICK_MS = 15_000;

/** What time it is in the theatre, and again as it goes on. */
export function useTheatreTime(clock: TheatreClock): number {
  const [, setTick] = useState(0);
  useStore(clock);
  useEffect(() => {
    const timer = setInterval(() => setTick((tick) => tick + 1), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return clock.now();
}
