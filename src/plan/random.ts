import type { Random } from "../domain/ports.ts";

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** 2^32 over the golden ratio: the usual odd step of a Weyl sequence. */
const WEYL_STEP = 0x9e3779b9;
const TWO_TO_32 = 4_294_967_296;

/** FNV-1a over UTF-16 units, finished by the mixer. Equal text gives the equal unsigned 32-bit number. */
export function hashOf(text: string): number {
  let hash = FNV_OFFSET;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME);
  }
  return mix(hash);
}

/** Finalizer of MurmurHash3 (Austin Appleby, public domain): every input bit changes half of the output. */
export function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/**
 * Numbers in (0, 1), never 0 and never 1, so that their logarithm is finite and below 0.
 *
 * The seed decides the whole sequence: a decision can be replayed from its id.
 */
export function createRandom(seed: string): Random {
  let state = hashOf(seed);
  return () => {
    state = (state + WEYL_STEP) | 0;
    return (mix(state) + 0.5) / TWO_TO_32;
  };
}
