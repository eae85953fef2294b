import { inWords } from '../in-words.ts';

/** `Nobody is down for it`, `Two are down for it`. */
export function peopleDown(subscribers: number): string {
  if (subscribers === 0) return 'Nobody is down for it';
  return `${inWords(subscribers)} ${subscribers === 1 ? 'is' : 'are'} down for it`;
}

/** The same to one of them. */
export function youAndOthersDown(subscribers: number): string {
  const others = subscribers - 1;
  if (others === 0) return 'You alone are down for it';
  return `You and ${inWords(others).toLowerCase()} ${others === 1 ? 'other' : 'others'} are down for it`;
}
