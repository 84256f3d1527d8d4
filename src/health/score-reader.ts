import type { Bus, KeyValueEntry } from "../domain/bus.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type { ModelScoreTable, OutsideClaim, PublishedVersion } from "../domain/health.ts";
import type { Log, NowMs, Random, Schedule } from "../domain/ports.ts";
import { EMPTY_SCORES, type ScoreSnapshot } from "../domain/score.ts";
import type { Hash } from "../score/shared-endpoint.ts";
import { VERSION_KEY } from "./endpoint-token.ts";
import { createEntryInbox } from "./entry-inbox.ts";
import {
  createPublishedScores,
  type PublishedFacts,
  type PublishedScores,
} from "./published-scores.ts";
import { createScoreFeed, type FedEntry } from "./score-feed.ts";
import { comparePositions } from "./score-position.ts";
import { settleWithin } from "./settle-within.ts";
import { loadScores, type SnapshotStore, saveScores } from "./snapshot-keeper.ts";
import { decodeVersion } from "./table-codec.ts";
import { createTurns, type Turns } from "./turns.ts";

/**
 * The scores as the scorers publish them, for everybody who plans in this process.
 *
 * Only newer positions are taken, whatever the order in which they come. Each version tells the hash of
 * all tables that belong to it: when ours differ for some seconds, something was lost, and everything is
 * read again. Without a bus the last scores stay, and grow old.
 *
 * Their age counts from the moment at which the stream stored their newest report, told in this process's
 * clock: see `bus-clock.ts`.
 */
export type ScoreReader = {
  /** A new object at most once a second. Frozen. */
  latest(): ScoreSnapshot;
  /** What somebody outside claims, until it lapses. */
  outside(endpoint: EndpointId): OutsideClaim | undefined;
  /** Tables as published, of every model that has endpoints, in no order. */
  tables(): readonly ModelScoreTable[];
  status(): ScoreReaderStatus;
  /** Called with every new snapshot. Returns how to stop listening. */
  onChange(listener: (snapshot: ScoreSnapshot) => void): () => void;
  /** What was kept from before is in `latest()`, if there was anything. Never rejects. */
  readonly ready: Promise<void>;
  /** Keeps the last scores for the next process, and ends. Never rejects. */
  close(): Promise<void>;
};

export type ScoreReaderStatus = PublishedFacts & {
  /** The newest version taken; absent before any. */
  readonly version: PublishedVersion | undefined;
  /** Since the window's end; absent before any, and while the stream is empty. */
  readonly ageMs: number | undefined;
  /** Older than 15 s, or nothing is known at all. */
  readonly stale: boolean;
  /** The bus is away. */
  readonly degraded: boolean;
  /** The tables are those that the version tells of. */
  readonly verified: boolean;
  /** Times that everything was read again because hashes differed. */
  readonly repairs: number;
  /** Times that the watch was found dead. */
  readonly rebuilds: number;
};

export type ScoreReaderPorts = {
  readonly bus: Pick<Bus, "scores" | "status" | "onStatus">;
  /** The newest algorithm whose figures this program understands. */
  readonly algorithmVersion: number;
  readonly hash: Hash;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly random: Random;
  /** Resolves after what waits in the event loop had its turn. */
  readonly yieldTurn: () => Promise<void>;
  readonly log: Log;
  /** Where scores outlive the process. Default: nowhere. */
  readonly stored?: SnapshotStore;
};

/** Leaders let time pass every 5 s: two of those were missed. */
const STALE_SCORES_MS = 15_000;

/** Tables and their version come one after another. */
const SETTLE_MS = 3_000;

const MIN_REPAIR_DELAY_MS = 3_000;
const MAX_REPAIR_DELAY_MS = 30_000;

const SNAPSHOT_EVERY_MS = 1_000;
const KEEP_HOUSE_EVERY_MS = 1_000;
const SAVE_EVERY_MS = 10_000;
const CLOSE_MS = 2_000;

type State = {
  readonly ports: ScoreReaderPorts;
  readonly published: PublishedScores;
  readonly turns: Turns;
  readonly listeners: Set<(snapshot: ScoreSnapshot) => void>;
  snapshot: ScoreSnapshot;
  snapshotAtMs: number;
  /** As of how many changes the snapshot was made, and scores were saved. */
  shownChanges: number;
  savedChanges: number;
  savedAtMs: number;
  /** Since when the hashes differ; absent while they agree. */
  differsSinceMs: number | undefined;
  repairDelayMs: number;
  nextRepairMs: number;
  repairs: number;
  isBusy: boolean;
  isClosed: boolean;
};

export function startScoreReader(ports: ScoreReaderPorts): ScoreReader {
  const { schedule } = ports;
  const state = createState(ports);
  const { published, turns, listeners } = state;
  const inbox = createEntryInbox<FedEntry>({
    handle: (fed) => published.take(fed, "watched"),
    emptied: () => review(state),
    turns,
  });
  const feed = createScoreFeed({ ...ports, take: (fed) => inbox.put(fed.entry.key, fed) });
  const ready = loadKept(state);
  let cancel = schedule(KEEP_HOUSE_EVERY_MS, keepHouse);

  function keepHouse(): void {
    published.lapse();
    review(state);
    void work(state);
    cancel = schedule(KEEP_HOUSE_EVERY_MS, keepHouse);
  }

  return {
    latest: () => state.snapshot,
    outside: published.outside,
    tables: published.tables,
    status: () => statusOf(state, feed.counts().rebuilds),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ready,
    async close() {
      state.isClosed = true;
      cancel();
      await settleWithin(Promise.all([feed.close(), save(state)]), CLOSE_MS, schedule);
    },
  };
}

function createState(ports: ScoreReaderPorts): State {
  return {
    ports,
    published: createPublishedScores(ports),
    turns: createTurns(ports),
    listeners: new Set(),
    snapshot: EMPTY_SCORES,
    snapshotAtMs: Number.NEGATIVE_INFINITY,
    shownChanges: 0,
    savedChanges: 0,
    savedAtMs: Number.NEGATIVE_INFINITY,
    differsSinceMs: undefined,
    repairDelayMs: MIN_REPAIR_DELAY_MS,
    nextRepairMs: Number.NEGATIVE_INFINITY,
    repairs: 0,
    isBusy: false,
    isClosed: false,
  };
}

async function loadKept(state: State): Promise<void> {
  const { published, turns } = state;
  const { stored, nowMs, log } = state.ports;
  if (stored === undefined) {
    return;
  }
  const kept = await loadScores({ stored, turns, nowMs, log });
  if (kept !== undefined) {
    published.takeKept(kept);
    // It is what is stored.
    state.savedChanges = published.changes();
    review(state);
  }
}

/** After every change, and every second. */
function review(state: State): void {
  const { published } = state;
  const { nowMs } = state.ports;
  const now = nowMs();
  const { kept } = published.facts();
  if (published.agrees() || kept || published.version() === undefined) {
    state.differsSinceMs = undefined;
    state.repairDelayMs = MIN_REPAIR_DELAY_MS;
  } else {
    state.differsSinceMs ??= now;
  }
  const isShown = state.shownChanges === published.changes();
  if (
    !isShown &&
    published.version() !== undefined &&
    now - state.snapshotAtMs >= SNAPSHOT_EVERY_MS
  ) {
    state.snapshotAtMs = now;
    show(state);
  }
}

function show(state: State): void {
  const { published, listeners } = state;
  state.shownChanges = published.changes();
  state.snapshot = Object.freeze({
    revision: state.snapshot.revision + 1,
    windowEndMs: published.windowEndMs(),
    scores: published.scores(),
  });
  for (const listener of listeners) {
    try {
      listener(state.snapshot);
    } catch (cause) {
      state.ports.log("error", "a listener of the scores threw", { cause });
    }
  }
}

/** What takes time: one such thing at once. */
async function work(state: State): Promise<void> {
  if (!state.isBusy) {
    state.isBusy = true;
    await repairIfDue(state);
    if (state.ports.nowMs() - state.savedAtMs >= SAVE_EVERY_MS) {
      await save(state);
    }
    state.isBusy = false;
  }
}

async function repairIfDue(state: State): Promise<void> {
  const { bus, nowMs, random, log } = state.ports;
  const now = nowMs();
  const differsForMs = now - (state.differsSinceMs ?? now);
  if (differsForMs < SETTLE_MS || now < state.nextRepairMs) {
    return;
  }
  state.nextRepairMs = now + state.repairDelayMs * (0.5 + random() / 2);
  state.repairDelayMs = Math.min(2 * state.repairDelayMs, MAX_REPAIR_DELAY_MS);
  state.repairs += 1;
  log("warn", "scores are incomplete; reading all of them", { differsForMs });
  const before = state.published.version();
  try {
    const entries = await bus.scores.entries();
    await takeAll(state, entries);
    dropGone(state, entries, before);
  } catch (cause) {
    log("debug", "scores could not be read", { cause });
  }
  review(state);
}

async function takeAll(state: State, entries: readonly KeyValueEntry[]): Promise<void> {
  const { published, turns } = state;
  const { nowMs } = state.ports;
  turns.begin();
  for (const entry of entries) {
    published.take({ entry, receivedAtMs: nowMs(), live: false }, "read");
    if (turns.isOver()) {
      await turns.next();
    }
  }
}

/**
 * Unless less is stored than was known when reading began: a table of scores that lost its end, or a copy of it
 * that is behind, does not tell what is gone. A version comes once a second, so the one that was read may be
 * overtaken by now.
 */
function dropGone(
  { published }: State,
  entries: readonly KeyValueEntry[],
  before: PublishedVersion | undefined,
): void {
  const entry = entries.find(({ key }) => key === VERSION_KEY);
  const read = entry && decodeVersion(entry.value);
  if (before === undefined || read === undefined || "problem" in read) {
    return;
  }
  if (comparePositions(read.position, before.position) >= 0) {
    published.retain(new Set(entries.map(({ key }) => key)), read.position);
  }
}

async function save(state: State): Promise<void> {
  const { published, turns } = state;
  const { stored, nowMs } = state.ports;
  const version = published.version();
  const changes = published.changes();
  if (stored === undefined || version === undefined || changes === state.savedChanges) {
    return;
  }
  state.savedChanges = changes;
  state.savedAtMs = nowMs();
  const kept = { version, tables: published.tables(), windowEndMs: published.windowEndMs() };
  await saveScores(kept, { stored, turns });
}

function statusOf({ ports, published, repairs }: State, rebuilds: number): ScoreReaderStatus {
  const version = published.version();
  const endMs = published.windowEndMs();
  const ageMs = endMs === 0 ? undefined : Math.max(0, ports.nowMs() - endMs);
  return {
    ...published.facts(),
    version,
    ageMs,
    stale: ageMs === undefined || ageMs > STALE_SCORES_MS,
    degraded: ports.bus.status() !== "connected",
    verified: published.agrees(),
    repairs,
    rebuilds,
  };
}
