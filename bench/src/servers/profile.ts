import { Session } from 'node:inspector/promises';
import type { Profile } from '../control.ts';
import { selfTimes } from '../report/self-times.ts';

const intervalMicros = 500;

/** Of this process, which begins where it has none. */
const session = new Session();

export async function beginProfile(): Promise<Profile> {
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: intervalMicros });
  await session.post('Profiler.start');
  return [];
}

export async function endProfile(): Promise<Profile> {
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  return selfTimes(profile);
}
