import type { CellCounts } from "./delta-cells.ts";
import {
  EMPTY_SLICE,
  type PackedSlice,
  packInto,
  packingBytes,
  unpackSlice,
} from "./packed-slice.ts";
import { SLICES } from "./rolling-window.ts";
import { createTotalList, type TotalList } from "./total-list.ts";
import { CELLS, type CellGroup, cellGroups, groupRanges } from "./window-cells.ts";

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
  /** The totals that are not 0, until any window that shares the table is used. */
  list(): TotalList;
  isEmpty(): boolean;
  heldBytes(): number;
};

/** Room to work in, shared by all windows of a fold: `counts` are all 0 between uses. */
export type PackingTable = {
  readonly counts: Float64Array;
  readonly list: TotalList;
  readonly bytes: Uint8Array;
};

export function createPackingTable(): PackingTable {
  return {
    counts: new Float64Array(CELLS),
    list: createTotalList(),
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

const UNIT = 2 ** 32;

const WORD_SHIFT = 5;
const WORD_BITS = 2 ** WORD_SHIFT;

type State = {
  newestSlice: number;
  readonly table: PackingTable;
  /** Lowest 32 bits of each total. */
  readonly totals: Uint32Array;
  /** What does not fit, in units of 2^32: honest producers never get there. */
  readonly excess: Map<number, number>;
  /** A bit for each total that is not 0: most are, and looking at all of them is slow. */
  readonly used: Uint32Array;
  /** Sum of the totals of each group. */
  readonly samples: Float64Array;
  /** By slice number modulo `PLACES`. */
  readonly packed: PackedSlice[];
  log: Uint32Array;
  logLength: number;
};

const USED_WORDS = Math.ceil(CELLS / WORD_BITS);

export function createSharedWindow(slice: number, table: PackingTable): SharedWindow {
  const sampleBytes = groupRanges.length * Float64Array.BYTES_PER_ELEMENT;
  const usedBytes = USED_WORDS * Uint32Array.BYTES_PER_ELEMENT;
  // One piece of memory for what is read together: looking for three takes longer than reading them.
  const memory = new ArrayBuffer(sampleBytes + usedBytes + CELLS * Uint32Array.BYTES_PER_ELEMENT);
  const state: State = {
    newestSlice: slice,
    table,
    totals: new Uint32Array(memory, sampleBytes + usedBytes, CELLS),
    excess: new Map(),
    used: new Uint32Array(memory, sampleBytes, USED_WORDS),
    samples: new Float64Array(memory, 0, groupRanges.length),
    packed: new Array<PackedSlice>(PLACES).fill(EMPTY_SLICE),
    log: new Uint32Array(FIRST_LOG_ENTRIES),
    logLength: 0,
  };
  const { samples } = state;
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
    total: (cell) => totalOf(state, cell),
    samples: ({ group }) => samples[group] as number,
    list: () => listTotals(state),
    isEmpty: () => isEmpty(samples),
    heldBytes: () => heldBytes(state),
  };
}

function addAll(state: State, place: number, { cells, counts, length }: CellCounts): void {
  for (let index = 0; index < length; index++) {
    const cell = cells[index] as number;
    const count = counts[index] as number;
    addToTotals(state, cell, count);
    let rest = count;
    for (; rest > MAX_ENTRY_COUNT; rest -= MAX_ENTRY_COUNT) {
      note(state, place, cell, MAX_ENTRY_COUNT);
    }
    note(state, place, cell, rest);
  }
}

function addToTotals(state: State, cell: number, count: number): void {
  const { totals, excess, used, samples } = state;
  let low = (totals[cell] as number) + count;
  if (low < 0 || low >= UNIT) {
    low = carry(excess, cell, low);
  }
  totals[cell] = low;
  const word = cell >>> WORD_SHIFT;
  const bit = 1 << (cell % WORD_BITS);
  const isZero = low === 0 && !excess.has(cell);
  used[word] = isZero ? (used[word] as number) & ~bit : (used[word] as number) | bit;
  const group = cellGroups[cell] as number;
  samples[group] = (samples[group] as number) + count;
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

function totalOf({ totals, excess }: State, cell: number): number {
  const low = totals[cell] as number;
  return excess.size === 0 ? low : low + (excess.get(cell) ?? 0) * UNIT;
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

function listTotals(state: State): TotalList {
  const { used, totals, excess, table } = state;
  const { cells, counts } = table.list;
  let length = 0;
  for (let word = 0; word < used.length; word++) {
    // Takes the lowest bit away until none is left.
    for (let bits = used[word] as number; bits !== 0; bits &= bits - 1) {
      const cell = word * WORD_BITS + 31 - Math.clz32(bits & -bits);
      cells[length] = cell;
      counts[length] = totals[cell] as number;
      length += 1;
    }
  }
  if (excess.size > 0) {
    for (let index = 0; index < length; index++) {
      counts[index] = totalOf(state, cells[index] as number);
    }
  }
  table.list.length = length;
  return table.list;
}

function isEmpty(samples: Float64Array): boolean {
  let sum = 0;
  for (let group = 0; group < samples.length; group++) {
    sum += samples[group] as number;
  }
  return sum === 0;
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
    unpackSlice(slice, (cell, count) => addToTotals(state, cell, -count));
    state.packed[place] = EMPTY_SLICE;
  }
}

/** Not `%` alone, which is negative for slices before 1970. */
function placeOf(slice: number): number {
  return ((slice % PLACES) + PLACES) % PLACES;
}

function heldBytes({ totals, used, samples, log, packed }: State): number {
  const dense = totals.byteLength + used.byteLength + samples.byteLength + log.byteLength;
  return packed.reduce((sum, { byteLength }) => sum + byteLength, dense);
}
