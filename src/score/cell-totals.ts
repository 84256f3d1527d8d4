import type { CanonicalBytes } from "./canonical-bytes.ts";
import { CELLS, type CellGroup, cellGroups, groupRanges } from "./window-cells.ts";

/**
 * How often each cell of a window was counted; sums are exact up to 2^53.
 *
 * Ten thousand of these are read in one go, most of it waiting for memory, so each keeps beside its totals
 * what spares its reader a walk over them: sums of blocks of cells, which percentiles are found by, and a
 * fingerprint. All are made of additions alone, so they depend on what is counted and not on its order, nor
 * on what was counted and taken away.
 *
 * Typed arrays are read within their length: `as number` tells the compiler.
 */
export type CellTotals = {
  /** Lowest 32 bits of each. */
  readonly totals: Uint32Array;
  /** What does not fit, in units of 2^32: honest producers never get there. */
  readonly excess: Map<number, number>;
  /** Of the cells of each block. */
  readonly blocks: Float64Array;
  /** Of the cells of each group. */
  readonly samples: Float64Array;
  readonly fingerprint: Uint32Array;
};

/** Percents ascend within 1 to 100. */
export type Wanted = { readonly percents: readonly number[]; readonly values: Float64Array };

const UNIT = 2 ** 32;

/** About the root of what a histogram has: as many blocks are passed as cells of the last one. */
const BLOCK_CELLS = 32;

/** First cells; no block has cells of two groups. */
const blockStarts = groupRanges.flatMap(([start, end]) =>
  Array.from({ length: Math.ceil((end - start) / BLOCK_CELLS) }, (_, n) => start + n * BLOCK_CELLS),
);

/** Of every cell. */
const blockOf = Uint8Array.from({ length: CELLS }, (_, cell) =>
  blockStarts.findLastIndex((start) => start <= cell),
);

/**
 * By chance, two different counts have the same fingerprint once in 2^93. Each factor 2 that all their
 * differences share costs 3 bits of it: two cells that swap 2^31 are not told apart.
 */
const LANES = 3;

/** Odd, so that no count of a single cell below 2^32 is lost. A cell's weights lie side by side. */
const weights = Int32Array.from({ length: CELLS * LANES }, (_, index) => mix(index + 1) | 1);

export function createCellTotals(): CellTotals {
  const [groups, blocks] = [groupRanges.length, blockStarts.length];
  const blocksAt = groups * Float64Array.BYTES_PER_ELEMENT;
  const fingerprintAt = blocksAt + blocks * Float64Array.BYTES_PER_ELEMENT;
  const totalsAt = fingerprintAt + LANES * Uint32Array.BYTES_PER_ELEMENT;
  // One piece of memory for what is read together: looking for several takes longer than reading them.
  const memory = new ArrayBuffer(totalsAt + CELLS * Uint32Array.BYTES_PER_ELEMENT);
  return {
    samples: new Float64Array(memory, 0, groups),
    blocks: new Float64Array(memory, blocksAt, blocks),
    fingerprint: new Uint32Array(memory, fingerprintAt, LANES),
    totals: new Uint32Array(memory, totalsAt, CELLS),
    excess: new Map(),
  };
}

/** A negative count takes away what was added before. */
export function addToTotals(state: CellTotals, cell: number, count: number): void {
  const { totals, excess, blocks, samples, fingerprint } = state;
  const low = (totals[cell] as number) + count;
  totals[cell] = low < 0 || low >= UNIT ? carry(excess, cell, low) : low;
  const block = blockOf[cell] as number;
  blocks[block] = (blocks[block] as number) + count;
  const group = cellGroups[cell] as number;
  samples[group] = (samples[group] as number) + count;
  for (let lane = 0; lane < LANES; lane++) {
    const weight = weights[cell * LANES + lane] as number;
    fingerprint[lane] = (fingerprint[lane] as number) + Math.imul(count, weight);
  }
}

/** What is left for the lowest 32 bits. */
function carry(excess: Map<number, number>, cell: number, value: number): number {
  const units = Math.floor(value / UNIT);
  const sum = (excess.get(cell) ?? 0) + units;
  excess.set(cell, sum);
  if (sum === 0) {
    excess.delete(cell);
  }
  return value - units * UNIT;
}

export function totalOf({ totals, excess }: CellTotals, cell: number): number {
  const low = totals[cell] as number;
  return excess.size === 0 ? low : low + (excess.get(cell) ?? 0) * UNIT;
}

export function isEmpty({ samples }: CellTotals): boolean {
  let sum = 0;
  for (let group = 0; group < samples.length; group++) {
    sum += samples[group] as number;
  }
  return sum === 0;
}

/** As `percentilesOf`, of a group that has samples, into the first places of `values`. */
export function findPercentiles(
  state: CellTotals,
  { layout, firstCell, group }: CellGroup,
  { percents, values }: Wanted,
): void {
  const { blocks } = state;
  const samples = state.samples[group] as number;
  let block = blockOf[firstCell] as number;
  let endOfBlock = blocks[block] as number;
  let cell = firstCell - 1;
  let cumulative = 0;
  for (let place = 0; place < percents.length; place++) {
    const rank = Math.floor((samples * (percents[place] as number) + 99) / 100);
    while (endOfBlock < rank) {
      cumulative = endOfBlock;
      block += 1;
      cell = (blockStarts[block] as number) - 1;
      endOfBlock += blocks[block] as number;
    }
    while (cumulative < rank) {
      cell += 1;
      cumulative += totalOf(state, cell);
    }
    values[place] = layout.representatives[cell - firstCell] as number;
  }
}

/** Equal totals give equal bytes; different ones nearly always different bytes: see `LANES`. */
export function writeTotals({ fingerprint, excess }: CellTotals, bytes: CanonicalBytes): void {
  for (let lane = 0; lane < LANES; lane++) {
    bytes.number(fingerprint[lane] as number);
  }
  for (const [cell, units] of [...excess].sort(([left], [right]) => left - right)) {
    bytes.number(cell + 1);
    bytes.number(units);
  }
  bytes.number(0);
}

export function totalsBytes({ totals }: CellTotals): number {
  return totals.buffer.byteLength;
}

/** The last steps of MurmurHash3 (Austin Appleby, public domain): neighbours become strangers. */
function mix(value: number): number {
  let mixed = Math.imul(value, 0x9e37_79b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}
