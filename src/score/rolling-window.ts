import { EMPTY_SLICE, type PackedSlice, packSlice, unpackSlice } from "./packed-slice.ts";
import { CELLS, type CellGroup, cellGroups, groupRanges } from "./window-cells.ts";

/**
 * What happened in the last 30 minutes, as whole numbers.
 *
 * A window is the open slice of 30 s and the 60 closed before it. The running totals are dense and
 * whole, so that subtracting the slice which leaves is exact: a read never merges slices and nothing
 * drifts. Closed slices are packed, because they are only kept to be subtracted.
 *
 * The state is a function of what was added and of the newest slice, not of the order: a count that
 * comes late goes into its own slice while the window still holds it. That lets any number of
 * replicas fold the same reports into the same window.
 *
 * Time is the number of a slice. Rolling to an earlier slice is standing still.
 */
export type RollingWindow = {
  /**
   * Counts something `count` times, rolling on if `slice` is the newest. False: the slice has left.
   *
   * A total stops at 2^32 - 1; what it cannot take is not remembered in the slice either.
   */
  add(slice: number, cell: number, count: number): boolean;
  /** Counts parallel lists, which is much cheaper than one by one when the slice is closed. */
  addAll(slice: number, cells: ArrayLike<number>, counts: ArrayLike<number>): boolean;
  roll(slice: number): void;
  /** How often it happened within the window. */
  total(cell: number): number;
  /** How many samples a histogram holds. */
  samples(group: CellGroup): number;
  /** Counts of a histogram's buckets: a live view. */
  buckets(group: CellGroup): Uint32Array;
  isEmpty(): boolean;
  /** Bytes held in counters. */
  heldBytes(): number;
};

export const SLICE_MS = 30_000;

/** Closed slices in a window: with the open one it spans 30 to 30.5 minutes. */
export const SLICES = 60;

const MAX_COUNT = 0xffff_ffff;

type State = {
  openSlice: number;
  readonly open: Uint32Array;
  /** Cells of the open slice that are not 0, in order of arrival. */
  readonly touched: Uint16Array;
  touchedCount: number;
  /** By slice number modulo `SLICES`. */
  readonly closed: PackedSlice[];
  readonly totals: Uint32Array;
  /** Sum of the totals of each group. */
  readonly samples: Float64Array;
};

export function sliceOf(nowMs: number): number {
  return Math.floor(nowMs / SLICE_MS);
}

export function createRollingWindow(slice: number): RollingWindow {
  const state: State = {
    openSlice: slice,
    open: new Uint32Array(CELLS),
    touched: new Uint16Array(CELLS),
    touchedCount: 0,
    closed: new Array<PackedSlice>(SLICES).fill(EMPTY_SLICE),
    totals: new Uint32Array(CELLS),
    samples: new Float64Array(groupRanges.length),
  };
  const { totals, samples } = state;
  const views = groupRanges.map(([start, end]) => totals.subarray(start, end));
  return {
    add(at, cell, count) {
      roll(state, at);
      return at === state.openSlice
        ? addToOpen(state, cell, count)
        : addToClosed(state, at, [cell], [count]);
    },
    addAll(at, cells, counts) {
      roll(state, at);
      return at === state.openSlice
        ? addAllToOpen(state, cells, counts)
        : addToClosed(state, at, cells, counts);
    },
    roll(at) {
      roll(state, at);
    },
    // Typed arrays are read within their length: `as number` tells the compiler.
    total: (cell) => totals[cell] as number,
    samples: ({ group }) => samples[group] as number,
    buckets: ({ group }) => views[group] as Uint32Array,
    isEmpty: () => samples.every((sum) => sum === 0),
    heldBytes: () => heldBytes(state),
  };
}

function roll(state: State, slice: number): void {
  const steps = slice - state.openSlice;
  if (!(steps > 0)) {
    return;
  }
  expire(state, state.openSlice);
  close(state);
  // One step beyond the ring also expires the slice that was just closed.
  for (let step = 1; step <= Math.min(steps - 1, SLICES); step++) {
    expire(state, state.openSlice + step);
  }
  state.openSlice = slice;
}

/** Takes what lies at the place of a slice, which is the slice a whole ring older, out of the totals. */
function expire(state: State, slice: number): void {
  const position = placeOf(slice);
  const packed = state.closed[position] as PackedSlice;
  if (packed.length > 0) {
    unpackSlice(packed, (cell, count) => subtract(state, cell, count));
    state.closed[position] = EMPTY_SLICE;
  }
}

function close(state: State): void {
  const cells = state.touched.subarray(0, state.touchedCount).sort();
  state.closed[placeOf(state.openSlice)] = packSlice(cells, (cell) => state.open[cell] as number);
  for (const cell of cells) {
    state.open[cell] = 0;
  }
  state.touchedCount = 0;
}

function addToOpen(state: State, cell: number, count: number): boolean {
  const accepted = addToTotals(state, cell, count);
  if (accepted > 0) {
    const before = state.open[cell] as number;
    if (before === 0) {
      state.touched[state.touchedCount++] = cell;
    }
    state.open[cell] = before + accepted;
  }
  return true;
}

function addAllToOpen(state: State, cells: ArrayLike<number>, counts: ArrayLike<number>): boolean {
  for (let index = 0; index < cells.length; index++) {
    addToOpen(state, cells[index] as number, counts[index] as number);
  }
  return true;
}

function addToClosed(
  state: State,
  slice: number,
  cells: ArrayLike<number>,
  counts: ArrayLike<number>,
): boolean {
  // Stated so that a slice which is not a number is refused.
  if (!(slice >= state.openSlice - SLICES)) {
    return false;
  }
  const position = placeOf(slice);
  const merged = new Map<number, number>();
  unpackSlice(state.closed[position] as PackedSlice, (cell, count) => merged.set(cell, count));
  for (let index = 0; index < cells.length; index++) {
    const cell = cells[index] as number;
    const accepted = addToTotals(state, cell, counts[index] as number);
    if (accepted > 0) {
      merged.set(cell, (merged.get(cell) ?? 0) + accepted);
    }
  }
  const sorted = Uint16Array.from(merged.keys()).sort();
  state.closed[position] = packSlice(sorted, (cell) => merged.get(cell) as number);
  return true;
}

/** How much of `count` the total had room for. */
function addToTotals({ totals, samples }: State, cell: number, count: number): number {
  const total = totals[cell] as number;
  const accepted = Math.min(count, MAX_COUNT - total);
  totals[cell] = total + accepted;
  const group = cellGroups[cell] as number;
  samples[group] = (samples[group] as number) + accepted;
  return accepted;
}

function subtract({ totals, samples }: State, cell: number, count: number): void {
  totals[cell] = (totals[cell] as number) - count;
  const group = cellGroups[cell] as number;
  samples[group] = (samples[group] as number) - count;
}

/** Not `%` alone, which is negative for slices before 1970. */
function placeOf(slice: number): number {
  return ((slice % SLICES) + SLICES) % SLICES;
}

function heldBytes({ open, touched, totals, samples, closed }: State): number {
  const dense = open.byteLength + touched.byteLength + totals.byteLength + samples.byteLength;
  return closed.reduce((sum, { byteLength }) => sum + byteLength, dense);
}
