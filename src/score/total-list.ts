import type { CanonicalBytes } from "./canonical-bytes.ts";
import { type CountedCells, packInto } from "./packed-slice.ts";
import { CELLS, type CellGroup } from "./window-cells.ts";

/**
 * What a window counts, as a list: the cells that are not 0, ascending, each with its total.
 *
 * Most cells of most endpoints are 0. A list of the others is made in one pass over the bits that tell
 * which those are, and lies in the nearest memory when its bytes and percentiles are read from it.
 */
export type TotalList = CountedCells & {
  readonly cells: Uint16Array;
  readonly counts: Float64Array;
  length: number;
};

/** Percents ascend within 1 to 100. */
export type Wanted = { readonly percents: readonly number[]; readonly values: Float64Array };

export function createTotalList(): TotalList {
  return { cells: new Uint16Array(CELLS), counts: new Float64Array(CELLS), length: 0 };
}

/** Encoded as in a slice. `room` is enough for packing `CELLS`. */
export function writeTotals(list: TotalList, bytes: CanonicalBytes, room: Uint8Array): void {
  bytes.block(room.subarray(0, packInto(room, list)));
}

/** As `percentilesOf`, of a histogram with `samples`, into the first places of `values`. */
export function findPercentiles(
  list: TotalList,
  { layout, firstCell }: CellGroup,
  samples: number,
  { percents, values }: Wanted,
): void {
  const { cells, counts } = list;
  let index = indexOf(list, firstCell) - 1;
  let cumulative = 0;
  for (let place = 0; place < percents.length; place++) {
    const rank = Math.floor((samples * (percents[place] as number) + 99) / 100);
    while (cumulative < rank) {
      index += 1;
      cumulative += counts[index] as number;
    }
    values[place] = layout.representatives[(cells[index] as number) - firstCell] as number;
  }
}

/** Of the first cell that is not below `cell`. */
function indexOf({ cells, length }: TotalList, cell: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((cells[middle] as number) < cell) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
