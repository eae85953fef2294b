/** Numbers from 0 to 1, exclusive: the same ones in every run, so that all peers are given the same work (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Picks from 0 … count - 1, the i-th with a probability proportional to 1 / (i + 1): a power law with exponent 1. */
export function createPowerLaw(count: number, random: () => number): () => number {
  const upTo: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= count; rank++) {
    sum += 1 / rank;
    upTo.push(sum);
  }
  return () => {
    const at = random() * sum;
    const index = upTo.findIndex((bound) => at < bound);
    return index < 0 ? count - 1 : index;
  };
}
