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

/** Enough room for packing so many cells. */
export function packingBytes(cells: number): Uint8Array {
  return new Uint8Array(cells * MAX_ENTRY_BYTES);
}

/** `cells` ascend strictly; `countOf` gives 1 to 2^52 - 1. */
export function packSlice(
  cells: ArrayLike<number>,
  countOf: (cell: number) => number,
): PackedSlice {
  const bytes = packingBytes(cells.length);
  return bytes.slice(0, packInto(bytes, cells, countOf));
}

/** Packs to the start of `bytes`, which have room, and returns how many it took. */
export function packInto(
  bytes: Uint8Array,
  cells: ArrayLike<number>,
  countOf: (cell: number) => number,
): number {
  let length = 0;
  let previous = -1;
  for (let index = 0; index < cells.length; index++) {
    const cell = cells[index] as number;
    const gap = cell - previous;
    length = writeLeb128(bytes, length, countOf(cell) * 2 + (gap === 1 ? 0 : 1));
    if (gap !== 1) {
      length = writeLeb128(bytes, length, gap);
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
