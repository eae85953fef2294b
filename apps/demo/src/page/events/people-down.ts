import { inWords } from '../in-words.ts';

/** `Nobody is down for it`, `Two are down for it`. */
export function peopleDown(subscribers: number): string {
  if (subscribers === 0) return 'Nobody is down for it';
  return `${inWords(subscribers)} ${subscribers === 1 ? 'is' : 'are'} down for it`;
}
