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

/** Five for a count of 32 bits, doubled, and two for a gap of up to 14. */
const MAX_ENTRY_BYTES = 7;

/** `cells` ascend strictly; `countOf` gives 1 to 2^32 - 1. */
export function packSlice(
  cells: ArrayLike<number>,
  countOf: (cell: number) => number,
): PackedSlice {
  const bytes = new Uint8Array(cells.length * MAX_ENTRY_BYTES);
  let length = 0;
  let previous = -1;
  for (let index = 0; index < cells.length; index++) {
    const cell = cells[index] as number;
    const gap = cell - previous;
    length = write(bytes, length, countOf(cell) * 2 + (gap === 1 ? 0 : 1));
    if (gap !== 1) {
      length = write(bytes, length, gap);
    }
    previous = cell;
  }
  return bytes.slice(0, length);
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

function write(bytes: Uint8Array, start: number, value: number): number {
  let position = start;
  let rest = value;
  while (rest >= 0x80) {
    bytes[position++] = (rest % 0x80) + 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[position++] = rest;
  return position;
}
