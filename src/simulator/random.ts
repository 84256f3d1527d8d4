import type { Quantiles } from "./profile.ts";

/** The next number of a seeded sequence, in [0, 1). */
export type Random = () => number;

/** The standard normal value below which 95 % of draws lie. */
const Z95 = 1.6449;

/** Mulberry32: 32 bits of state, which is enough for a simulation and fast enough for every token. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** A 53-bit hash (cyrb53), stable across processes. Not for secrets. */
export function hashText(text: string, seed = 0): number {
  let low = 0xdeadbeef ^ seed;
  let high = 0x41c6ce57 ^ seed;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    low = Math.imul(low ^ unit, 2_654_435_761);
    high = Math.imul(high ^ unit, 1_597_334_677);
  }
  low =
    Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909);
  high =
    Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909);
  return 0x1_0000_0000 * (high & 0x1f_ffff) + (low >>> 0);
}

/**
 * One draw from the log-normal distribution with these quantiles.
 *
 * Its logarithm is normal with mean ln(p50), and p95 lies Z95 deviations above, which fixes sigma.
 * Equal quantiles give a constant; p50 = 0 gives 0.
 */
export function drawLogNormal(random: Random, { p50, p95 }: Quantiles): number {
  if (p50 <= 0) {
    return 0;
  }
  const sigma = Math.log(p95 / p50) / Z95;
  return sigma === 0 ? p50 : p50 * Math.exp(sigma * drawNormal(random));
}

/** Box-Muller, the cosine half only, so that every draw takes two numbers of the sequence. */
function drawNormal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
}

/** A whole number in [min, max]. */
export function drawInteger(random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1));
}

const ID_LETTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** Letters and digits, for ids in the providers' style. */
export function drawId(random: Random, length: number): string {
  let id = "";
  for (let index = 0; index < length; index++) {
    id += ID_LETTERS[drawInteger(random, 0, ID_LETTERS.length - 1)];
  }
  return id;
}
