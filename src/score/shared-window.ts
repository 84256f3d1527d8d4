import type { CanonicalBytes } from "./canonical-bytes.ts";
import {
  addToTotals,
  type CellTotals,
  createCellTotals,
  findPercentiles,
  isEmpty,
  totalOf,
  totalsBytes,
  type Wanted,
  writeTotals,
} from "./cell-totals.ts";
import type { CellCounts } from "./delta-cells.ts";
import {
  EMPTY_SLICE,
  type PackedSlice,
  packInto,
  packingBytes,
  unpackSlice,
} from "./packed-slice.ts";
import { SLICES } from "./rolling-window.ts";
import { CELLS, type CellGroup } from "./window-cells.ts";

/**
 * What all producers reported of one endpoint in the last 30 minutes.
 *
 * It is the rolling window of one replica made for reports: they come for several slices at once,
 * because clocks differ and outages end, so no slice is the open one. Totals are dense and exact; what
 * was added is also noted in a short log, which is packed into its slices when it is full or when time
 * passes. The log makes an addition cheap whatever its slice.
 *
 * Totals have room for everything that can be reported in a window (see `MAX_DELTA_COUNT`), so nothing
 * ever saturates: the state depends on what was added to the slices that are left, not on the order
 * and not on what has expired.
 */
export type SharedWindow = {
  /** Rolls on if `slice` is the newest. False: the slice has left. */
  add(slice: number, counts: CellCounts): boolean;
  /** Rolling to an earlier slice is standing still. */
  roll(slice: number): void;
  total(cell: number): number;
  samples(group: CellGroup): number;
  /** Of a group with samples. */
  findPercentiles(group: CellGroup, wanted: Wanted): void;
  /** All its totals. */
  write(bytes: CanonicalBytes): void;
  isEmpty(): boolean;
  heldBytes(): number;
};

/** Room to work in, shared by all windows of a fold: `counts` are all 0 between uses. */
export type PackingTable = {
  readonly counts: Float64Array;
  /** Those of `counts` that are not 0, on their way into bytes. */
  readonly list: { readonly cells: Uint16Array; readonly counts: Float64Array; length: number };
  readonly bytes: Uint8Array;
};

export function createPackingTable(): PackingTable {
  return {
    counts: new Float64Array(CELLS),
    list: { cells: new Uint16Array(CELLS), counts: new Float64Array(CELLS), length: 0 },
    bytes: packingBytes(CELLS),
  };
}

/** A slice stays until 60 later ones have begun. */
const PLACES = SLICES + 1;

/** An entry of the log is one word: 6 bits of place, 11 of cell, 15 of count. */
const CELL_BITS = 11;
const COUNT_BITS = 15;
const MAX_ENTRY_COUNT = 2 ** COUNT_BITS - 1;
const CELL_MASK = 2 ** CELL_BITS - 1;
const PLACE_SHIFT = CELL_BITS + COUNT_BITS;

/** Packing costs about as much as a slice is long, and this is several times as long. */
const MAX_LOG_ENTRIES = 1_024;
const FIRST_LOG_ENTRIES = 64;

type State = {
  newestSlice: number;
  readonly table: PackingTable;
  readonly totals: CellTotals;
  /** By slice number modulo `PLACES`. */
  readonly packed: PackedSlice[];
  log: Uint32Array;
  logLength: number;
};

export function createSharedWindow(slice: number, table: PackingTable): SharedWindow {
  const state: State = {
    newestSlice: slice,
    table,
    totals: createCellTotals(),
    packed: new Array<PackedSlice>(PLACES).fill(EMPTY_SLICE),
    log: new Uint32Array(FIRST_LOG_ENTRIES),
    logLength: 0,
  };
  const { totals } = state;
  return {
    add(at, counts) {
      roll(state, at);
      // Stated so that a slice which is not a number is refused.
      if (!(at > state.newestSlice - PLACES)) {
        return false;
      }
      addAll(state, placeOf(at), counts);
      return true;
    },
    roll(at) {
      roll(state, at);
    },
    // Typed arrays are read within their length: `as number` tells the compiler.
    total: (cell) => totalOf(totals, cell),
    samples: ({ group }) => totals.samples[group] as number,
    findPercentiles: (group, wanted) => findPercentiles(totals, group, wanted),
    write: (bytes) => writeTotals(totals, bytes),
    isEmpty: () => isEmpty(totals),
    heldBytes: () => heldBytes(state),
  };
}

function addAll(state: State, place: number, { cells, counts, length }: CellCounts): void {
  for (let index = 0; index < length; index++) {
    const cell = cells[index] as number;
    const count = counts[index] as number;
    addToTotals(state.totals, cell, count);
    let rest = count;
    for (; rest > MAX_ENTRY_COUNT; rest -= MAX_ENTRY_COUNT) {
      note(state, place, cell, MAX_ENTRY_COUNT);
    }
    note(state, place, cell, rest);
  }
}

function note(state: State, place: number, cell: number, count: number): void {
  if (state.logLength === state.log.length) {
    makeRoom(state);
  }
  state.log[state.logLength] = (place << PLACE_SHIFT) | (cell << COUNT_BITS) | count;
  state.logLength += 1;
}

function makeRoom(state: State): void {
  if (state.log.length === MAX_LOG_ENTRIES) {
    packLog(state);
    return;
  }
  const larger = new Uint32Array(state.log.length * 2);
  larger.set(state.log);
  state.log = larger;
}

/** Moves the log into the slices, one slice after the other. */
function packLog(state: State): void {
  while (state.logLength > 0) {
    packPlace(state, (state.log[0] as number) >>> PLACE_SHIFT);
  }
}

/** Moves what the log holds of one slice, and closes the gaps it leaves. */
function packPlace(state: State, place: number): void {
  const { log, packed, table } = state;
  const { counts } = table;
  unpackSlice(packed[place] as PackedSlice, (cell, count) => {
    counts[cell] = count;
  });
  let kept = 0;
  for (let index = 0; index < state.logLength; index++) {
    const entry = log[index] as number;
    if (entry >>> PLACE_SHIFT === place) {
      const cell = (entry >>> COUNT_BITS) & CELL_MASK;
      counts[cell] = (counts[cell] as number) + (entry & MAX_ENTRY_COUNT);
    } else {
      log[kept] = entry;
      kept += 1;
    }
  }
  state.logLength = kept;
  packed[place] = packCounts(table);
  counts.fill(0);
}

function packCounts({ counts, list, bytes }: PackingTable): PackedSlice {
  list.length = 0;
  for (let cell = 0; cell < CELLS; cell++) {
    const count = counts[cell] as number;
    if (count !== 0) {
      list.cells[list.length] = cell;
      list.counts[list.length] = count;
      list.length += 1;
    }
  }
  return bytes.slice(0, packInto(bytes, list));
}

function roll(state: State, slice: number): void {
  const steps = slice - state.newestSlice;
  if (!(steps > 0)) {
    return;
  }
  packLog(state);
  // The place of a slice is that of the one which leaves when it begins.
  for (let step = 1; step <= Math.min(steps, PLACES); step++) {
    expire(state, placeOf(state.newestSlice + step));
  }
  state.newestSlice = slice;
}

function expire(state: State, place: number): void {
  const slice = state.packed[place] as PackedSlice;
  if (slice.length > 0) {
    unpackSlice(slice, (cell, count) => addToTotals(state.totals, cell, -count));
    state.packed[place] = EMPTY_SLICE;
  }
}

/** Not `%` alone, which is negative for slices before 1970. */
function placeOf(slice: number): number {
  return ((slice % PLACES) + PLACES) % PLACES;
}

function heldBytes({ totals, log, packed }: State): number {
  const dense = totalsBytes(totals) + log.byteLength;
  return packed.reduce((sum, { byteLength }) => sum + byteLength, dense);
}
