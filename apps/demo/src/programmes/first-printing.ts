import type { ShowId } from '../shared/shows.ts';

/** What the programmes say until somebody changes them. */
export const firstPrinting: Readonly<
  Record<ShowId, { readonly synopsis: string; readonly castNote: string }>
> = {
  understudy: {
    synopsis:
      'The lead has lost his voice, his understudy has lost the lead, and the understudy’s understudy, who sells the ices, knows every line but the first.',
    castNote: 'Everybody is played by whoever is nearest. The ices are real.',
  },
  umbrellas: {
    synopsis:
      'It rains on the last night of a house party. There are nine umbrellas in the stand and ten people in the hall, each of whom came with one.',
    castNote: 'The tenth guest: Teodor Vance. The butler, who knows: Barnaby Quill.',
  },
  lighthouse: {
    synopsis:
      'An inspector arrives to audit a lamp that has not gone out in thirty years, and cannot make the oil add up. The keepers offer tea. Nobody mentions the second lamp.',
    castNote: 'Please do not wave to the stage: it is a signal.',
  },
  abernathy: {
    synopsis:
      'In the course of one afternoon Mrs Abernathy is offered a seat, a sherry, a railway, three proposals and the vice-presidency of the Horticultural Society.',
    castNote: 'Mrs Abernathy: Winifred Osei. The railway appears by kind permission.',
  },
  moths: {
    synopsis: 'Eleven dancers and one candle. It ends when the candle does, or earlier.',
    castNote: 'The candle is a new one each night.',
  },
  elsinore: {
    synopsis:
      'Two gravediggers have the day off. The sea is out, the castle is noisy, and something large is nibbling. A prince comes by and will not stop talking.',
    castNote: 'First gravedigger: Barnaby Quill. The prince is heard, not seen.',
  },
  vellum: {
    synopsis:
      'He sews, she gilds. For two weeks they share a bench, a pot of glue and one enormous atlas, and speak of nothing but the atlas.',
    castNote: 'The glue is fish glue. Those in the front rows will know.',
  },
  weather: {
    synopsis:
      'A man tells another about the weather. By the interval it is clear whose weather it is; by the end, that the other one brought it.',
    castNote: 'The one who listens: Orla Finch. Two seats only, as it is a small room.',
  },
};
