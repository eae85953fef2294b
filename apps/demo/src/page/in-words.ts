import type { HouseState } from '../shared/show-channel.ts';

const words = ['No', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine', 'Ten'];

/** As a sentence begins: `Two`, `24`. */
export const inWords = (n: number): string => words[n] ?? String(n);

/** `One went`, `Three came back`: what became of seats. */
export function changeInWords(by: number): string {
  return `${inWords(Math.abs(by))} ${by < 0 ? 'went' : 'came back'}`;
}

export function houseInWords({ left, of }: Pick<HouseState, 'left' | 'of'>): string {
  return left === 0 ? 'sold out' : `${left} of ${of} seats left`;
}
