import { MAX_LEB128_BYTES, writeLeb128 } from "./leb128.ts";

/**
 * A slice that is closed, as bytes.
 *
 * A busy endpoint touches some hundreds of cells in a slice and a window holds sixty of them, so the
 * dense form would take half a megabyte and pairs of fixed width twice what a window may. Cells are
 * written in ascending order as numbers in LEB128: the count doubled, plus one unless the cell follows
 * the one before directly; then, in that case, the gap. Most entries are one byte. Equal counts give
 * equal bytes.
 */
export type PackedSlice = Uint8Array;

export const EMPTY_SLICE: PackedSlice = new Uint8Array(0);

/** A count, doubled, and two for a gap of up to 14 bits. */
const MAX_ENTRY_BYTES = MAX_LEB128_BYTES + 2;

/** Of a byte each, as nearly all are: a count below it, doubled, and a gap below it. */
const SHORT_COUNT = 0x40;
const SHORT_GAP = 0x80;

/** Enough room for packing so many cells. */
export function packingBytes(cells: number): Uint8Array {
  return new Uint8Array(cells * MAX_ENTRY_BYTES);
}

/** Cells that ascend strictly, each with its count of 1 to 2^52 - 1. */
export type CountedCells = {
  readonly cells: ArrayLike<number>;
  readonly counts: ArrayLike<number>;
  /** How many of both count. */
  readonly length: number;
};

/** `cells` ascend strictly; `countOf` gives 1 to 2^52 - 1. */
export function packSlice(
  cells: ArrayLike<number>,
  countOf: (cell: number) => number,
): PackedSlice {
  const { length } = cells;
  const bytes = packingBytes(length);
  const counts = Float64Array.from(cells, countOf);
  return bytes.slice(0, packInto(bytes, { cells, counts, length }));
}

/** Packs to the start of `bytes`, which have room, and returns how many it took. */
export function packInto(
  bytes: Uint8Array,
  { cells, counts, length: entries }: CountedCells,
): number {
  let length = 0;
  let previous = -1;
  for (let index = 0; index < entries; index++) {
    const cell = cells[index] as number;
    const count = counts[index] as number;
    const gap = cell - previous;
    // 0 for a gap of 1 and 1 for a larger one, computed: nobody can guess which comes next.
    const hasGap = (1 - gap) >>> 31;
    if (count < SHORT_COUNT && gap < SHORT_GAP) {
      bytes[length] = (count << 1) | hasGap;
      // Written over by the next entry if it does not count.
      bytes[length + 1] = gap;
      length += 1 + hasGap;
    } else {
      length = writeLeb128(bytes, length, count * 2 + hasGap);
      length = hasGap === 1 ? writeLeb128(bytes, length, gap) : length;
    }
    previous = cell;
  }
  return length;
}

/** Hands out every cell with its count, in ascending order. */
export function unpackSlice(bytes: PackedSlice, take: (cell: number, count: number) => void): void {
  let cell = -1;
  let position = 0;
  const read = () => {
    let value = 0;
    let unit = 1;
    let byte = bytes[position++] as number;
    while (byte >= 0x80) {
      // Multiplied, because a shift would make counts of 2^31 and more negative.
      value += (byte - 0x80) * unit;
      unit *= 0x80;
      byte = bytes[position++] as number;
    }
    return value + byte * unit;
  };
  while (position < bytes.length) {
    const head = read();
    cell += head % 2 === 0 ? 1 : read();
    take(cell, Math.floor(head / 2));
  }
}
