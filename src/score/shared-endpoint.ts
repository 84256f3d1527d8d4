import type { EndpointId } from "../domain/endpoint.ts";
import type { EndpointFigures, OutsideClaim, PercentileFigures } from "../domain/health.ts";
import { type CanonicalBytes, createCanonicalBytes } from "./canonical-bytes.ts";
import type { Wanted } from "./cell-totals.ts";
import type { CellCounts } from "./delta-cells.ts";
import {
  BIN_MS,
  binOf,
  createFastWindow,
  type FastWindow,
  type RecentResults,
} from "./fast-window.ts";
import { PERCENTS, percentileFigures, resultsIn, tailFigures, toMicro } from "./figures.ts";
import { nextMultiple } from "./next-multiple.ts";
import { createOutsideClaims, type OutsideClaims } from "./outside-claims.ts";
import {
  createRecentFirstTokens,
  type FirstTokenSum,
  type RecentFirstTokens,
  typicalOf,
} from "./recent-first-tokens.ts";
import { SLICE_MS, SLICES, sliceOf } from "./rolling-window.ts";
import { createSharedUptime, type SharedUptime } from "./shared-uptime.ts";
import { createSharedWindow, type PackingTable, type SharedWindow } from "./shared-window.ts";
import { endOfMinute, MINUTE_MS, minuteOf } from "./uptime.ts";
import { type CellGroup, durationCells, firstTokenCells, throughputCells } from "./window-cells.ts";

/**
 * What all producers reported of one endpoint, and the figures made of it.
 *
 * Whatever is taken ends at a time that follows from itself alone, so that nothing tells a fold that
 * has run for days from one that has read the last half hour.
 */
export type SharedEndpoint = {
  readonly id: EndpointId;
  /** `slice` lies in the window. */
  addOutcomes(slice: number, counts: CellCounts, storedAtMs: number): void;
  addProbe(atMs: number, passed: boolean): void;
  addClaim(claim: OutsideClaim, madeAtMs: number): void;
  /** Whether anything it was told is in its window, if only what is no evidence. */
  isHeld(nowMs: number): boolean;
  /** Whether `refresh` may find anything else than the last time. */
  isDue(nowMs: number): boolean;
  refresh(nowMs: number, tools: ReadingTools): void;
  /** As of the latest `refresh`. Absent without evidence. */
  figures(): EndpointFigures | undefined;
  /** Hash of the id and everything that is held, as of the latest `refresh`. Absent: nothing is. */
  digest(): Uint8Array | undefined;
  heldBytes(): number;
};

/** SHA-256 in production: 32 bytes that stand for the parts, one after the other. */
export type Hash = (parts: Iterable<Uint8Array>) => Uint8Array;

/** What reading endpoints needs, made once for all those of a board: filled and read within one call. */
export type ReadingTools = {
  readonly hash: Hash;
  readonly bytes: CanonicalBytes;
  readonly wanted: Wanted;
};

export function createReadingTools(hash: Hash): ReadingTools {
  return {
    hash,
    bytes: createCanonicalBytes(),
    wanted: { percents: PERCENTS, values: new Float64Array(PERCENTS.length) },
  };
}

/** Reports of clocks that are a minute late still tell what happens at present. */
const RECENT_SLICES = 3;

type WindowFigures = Pick<
  EndpointFigures,
  "successes" | "failures" | "rateLimited" | "firstTokenMs" | "tokensPerSecond" | "durationMs"
>;

type State = {
  readonly id: EndpointId;
  /** The id as canonical bytes. */
  readonly name: Uint8Array;
  readonly table: PackingTable;
  readonly uptime: SharedUptime;
  readonly recent: FastWindow;
  readonly firstTokens: RecentFirstTokens;
  readonly claims: OutsideClaims;
  /** Only while it holds anything: it takes 9 KB and more. */
  window: SharedWindow | undefined;
  heldUntilMs: number;
  isDirty: boolean;
  nextChangeMs: number;
  figures: EndpointFigures | undefined;
  /** Its own bytes: what a library makes of each hash costs more than to copy it. */
  readonly digest: Uint8Array;
  hasDigest: boolean;
};

const DIGEST_BYTES = 32;

const MICRO = 1_000_000;

const NEVER = Number.POSITIVE_INFINITY;

const NO_SAMPLES = { count: 0, p5Micro: undefined, p50Micro: undefined, p95Micro: undefined };
const NO_FIGURES: WindowFigures = {
  successes: 0,
  failures: 0,
  rateLimited: 0,
  firstTokenMs: NO_SAMPLES,
  tokensPerSecond: NO_SAMPLES,
  durationMs: NO_SAMPLES,
};

export function createSharedEndpoint(id: EndpointId, table: PackingTable): SharedEndpoint {
  const claims = createOutsideClaims();
  const state: State = {
    id,
    name: nameOf(id),
    table,
    uptime: createSharedUptime(claims),
    recent: createFastWindow(),
    firstTokens: createRecentFirstTokens(),
    claims,
    window: undefined,
    heldUntilMs: 0,
    isDirty: false,
    nextChangeMs: NEVER,
    figures: undefined,
    digest: new Uint8Array(DIGEST_BYTES),
    hasDigest: false,
  };
  return {
    id,
    addOutcomes: (slice, counts, storedAtMs) => addOutcomes(state, slice, counts, storedAtMs),
    addProbe(atMs, passed) {
      state.uptime.addProbe(minuteOf(atMs), passed);
      hold(state, endOfMinute(minuteOf(atMs)));
    },
    addClaim(claim, madeAtMs) {
      claims.add(claim, madeAtMs);
      hold(state, endOfMinute(minuteOf(madeAtMs)));
    },
    isHeld: (nowMs) => nowMs < state.heldUntilMs,
    isDue: (nowMs) => state.isDirty || nowMs >= state.nextChangeMs,
    refresh: (nowMs, tools) => refresh(state, nowMs, tools),
    figures: () => state.figures,
    digest: () => (state.hasDigest ? state.digest : undefined),
    heldBytes: () => heldBytes(state),
  };
}

function nameOf(id: EndpointId): Uint8Array {
  const bytes = createCanonicalBytes();
  bytes.text(id);
  return bytes.view().slice();
}

function addOutcomes(state: State, slice: number, counts: CellCounts, storedAtMs: number): void {
  if (counts.length === 0) {
    return;
  }
  state.window ??= createSharedWindow(slice, state.table);
  state.window.add(slice, counts);
  hold(state, endOfSlice(slice));
  const isRecent = sliceOf(storedAtMs) - slice <= RECENT_SLICES;
  if (isRecent) {
    state.firstTokens.add(storedAtMs, counts);
  }
  const { successes, failures } = counts;
  if (successes + failures > 0) {
    const minute = minuteOf(slice * SLICE_MS);
    state.uptime.addResults(minute, successes, failures);
    hold(state, endOfMinute(minute));
    if (isRecent) {
      state.recent.addResults(binOf(storedAtMs), successes, failures);
    }
  }
}

function hold(state: State, untilMs: number): void {
  state.heldUntilMs = Math.max(state.heldUntilMs, untilMs);
  state.isDirty = true;
}

/** When a slice leaves the window. */
function endOfSlice(slice: number): number {
  return (slice + SLICES + 1) * SLICE_MS;
}

function refresh(state: State, nowMs: number, tools: ReadingTools): void {
  state.isDirty = false;
  state.hasDigest = nowMs < state.heldUntilMs;
  if (!state.hasDigest) {
    state.window = undefined;
    state.figures = undefined;
    state.nextChangeMs = NEVER;
    return;
  }
  rollWindow(state, nowMs);
  const minute = minuteOf(nowMs);
  state.claims.prune(minute);
  const recent = state.recent.read(binOf(nowMs));
  const inWindow = windowFigures(state.window, tools.wanted);
  const { p50Micro } = inWindow.firstTokenMs;
  const usualMs = p50Micro === undefined ? undefined : p50Micro / MICRO;
  const firstTokens = state.firstTokens.read(nowMs, usualMs);
  const held = { inWindow, recent, firstTokens, nowMs };
  state.figures = figuresOf(state, held);
  state.digest.set(digestOf(state, held, tools));
  state.nextChangeMs = nextChangeOf(state, held);
}

/** Lets go of it when nothing is left in it. */
function rollWindow(state: State, nowMs: number): void {
  state.window?.roll(sliceOf(nowMs));
  if (state.window?.isEmpty() === true) {
    state.window = undefined;
  }
}

function windowFigures(window: SharedWindow | undefined, wanted: Wanted): WindowFigures {
  if (window === undefined) {
    return NO_FIGURES;
  }
  const { successes, failures, rateLimited } = resultsIn(window);
  return {
    successes,
    failures,
    rateLimited,
    firstTokenMs: histogramFigures(window, firstTokenCells, wanted),
    tokensPerSecond: histogramFigures(window, throughputCells, wanted),
    durationMs: histogramFigures(window, durationCells, wanted),
  };
}

function histogramFigures(
  window: SharedWindow,
  group: CellGroup,
  wanted: Wanted,
): PercentileFigures {
  const samples = window.samples(group);
  if (samples > 0) {
    window.findPercentiles(group, wanted);
  }
  return group === throughputCells
    ? percentileFigures(samples, wanted.values)
    : tailFigures(samples, wanted.values);
}

type Held = {
  readonly inWindow: WindowFigures;
  readonly recent: RecentResults;
  readonly firstTokens: FirstTokenSum;
  readonly nowMs: number;
};

function figuresOf(
  state: State,
  { inWindow, recent, firstTokens, nowMs }: Held,
): EndpointFigures | undefined {
  const { successes, failures, rateLimited, firstTokenMs } = inWindow;
  const { goodMinutes, observedMinutes } = state.uptime.read(minuteOf(nowMs));
  const outside = state.claims.current(nowMs);
  // Durations and throughputs are those of successes; recent results are in the window.
  const evidence = successes + failures + rateLimited + firstTokenMs.count + observedMinutes;
  if (evidence === 0 && outside === undefined) {
    return undefined;
  }
  return {
    endpoint: state.id,
    successes,
    failures,
    rateLimited,
    firstTokenMs,
    tokensPerSecond: inWindow.tokensPerSecond,
    durationMs: inWindow.durationMs,
    goodMinutes,
    observedMinutes,
    recentSuccesses: recent.successes,
    recentFailures: recent.failures,
    ...recentFigures(firstTokens),
    outside,
  };
}

function recentFigures(firstTokens: FirstTokenSum) {
  const { samples, typicalMs } = typicalOf(firstTokens);
  return {
    recentFirstTokens: samples,
    recentFirstTokenMicro: typicalMs === undefined ? undefined : toMicro(typicalMs),
  };
}

function digestOf(
  state: State,
  { recent, firstTokens, nowMs }: Held,
  { hash, bytes }: ReadingTools,
): Uint8Array {
  bytes.clear();
  bytes.raw(state.name);
  bytes.number(state.window === undefined ? 0 : 1);
  state.window?.write(bytes);
  bytes.number(recent.successes);
  bytes.number(recent.failures);
  bytes.number(firstTokens.samples);
  bytes.number(firstTokens.bucketSum);
  state.uptime.write(bytes, minuteOf(nowMs));
  state.claims.write(bytes);
  return hash([bytes.view()]);
}

function nextChangeOf(state: State, { recent, firstTokens, nowMs }: Held): number {
  const recentMs = recent.successes + recent.failures > 0 ? nextMultiple(nowMs, BIN_MS) : NEVER;
  const hasMinutes = !(state.claims.isEmpty() && state.uptime.isEmpty(minuteOf(nowMs)));
  const sliceMs = state.window === undefined ? NEVER : nextMultiple(nowMs, SLICE_MS);
  const minuteMs = hasMinutes ? nextMultiple(nowMs, MINUTE_MS) : NEVER;
  const claimMs = state.claims.current(nowMs)?.untilMs ?? NEVER;
  return Math.min(recentMs, firstTokens.untilMs, sliceMs, minuteMs, claimMs);
}

function heldBytes({ window, uptime, recent, firstTokens }: State): number {
  const overlay = recent.heldBytes() + firstTokens.heldBytes();
  return uptime.heldBytes() + overlay + (window?.heldBytes() ?? 0);
}
