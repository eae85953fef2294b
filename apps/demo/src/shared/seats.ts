export const SEATS_IN_ROW = 8;

/** Of a house with so many seats, from the front, row by row: `A1` … `A8`, `B1` … */
export function seatNames(seats: number): readonly string[] {
  return Array.from({ length: seats }, (_, index) => {
    const row = String.fromCharCode(65 + Math.floor(index / SEATS_IN_ROW));
    return `${row}${(index % SEATS_IN_ROW) + 1}`;
  });
}
