import { Refusal } from '../refusal.ts';
import { type EventDraft, startIn } from '../shared/events.ts';
import type { Events } from './events.ts';

/** What the company has on the callboard: whoever comes finds something to put their name down for. */
const firstNotices: readonly (Omit<EventDraft, 'startsAt' | 'state'> & {
  readonly owner: string;
  readonly inHours: number;
})[] = [
  {
    owner: 'orla',
    inHours: 26,
    headline: 'Read-through',
    description: 'Nine Umbrellas: all ten guests, please. Bring the book, a pencil, and what you came with.',
    place: 'Rehearsal room',
  },
  {
    owner: 'barnaby',
    inHours: 5,
    headline: 'Fire drill',
    description: 'It is not a real one.\nIf it is a real one, I shall say so.',
    place: 'Foyer, then the pavement',
  },
  {
    owner: 'winifred',
    inHours: 50,
    headline: 'Fittings',
    description: 'Stand still. Moths first, then gravediggers.',
    place: 'Wardrobe',
  },
  {
    owner: 'teodor',
    inHours: 74,
    headline: 'Line run, at a whisper',
    description: 'The lead has lost his voice. He knows the words and would like the company.',
    place: 'The stage, if it is free',
  },
];

/** Those that are not there are posted; those that have begun are put off. Who has posted too many has theirs another time. */
export async function pinFirstNotices(events: Events, now: number): Promise<void> {
  for (const { owner, inHours, ...notice } of firstNotices) {
    const startsAt = startIn(inHours, now);
    const { events: all } = await events.list(owner, { limit: 100 });
    const own = all.find(({ isYours, headline }) => isYours && headline === notice.headline);
    try {
      if (own === undefined) await events.post(owner, { ...notice, startsAt, state: 'public' });
      else if (Date.parse(own.startsAt) <= now) await events.change(own.id, owner, own.version, { startsAt });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
}
