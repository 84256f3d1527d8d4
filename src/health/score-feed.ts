import type { Bus, KeyValueEntry, Watcher } from "../domain/bus.ts";
import type { ScorePosition } from "../domain/health.ts";
import type { Log, NowMs, Random, Schedule } from "../domain/ports.ts";
import { VERSION_KEY } from "./endpoint-token.ts";
import { comparePositions } from "./score-position.ts";
import { decodeVersion } from "./table-codec.ts";

/**
 * Watches the table of scores, and doubts the watch.
 *
 * Watches are known to fall silent after a server's restart without telling anybody. So the key `version`
 * is asked for every 30 s, and after every reconnection: when it tells of more than the watch has
 * delivered, the watch is made anew. Delays between attempts grow, so that a thousand routers do not
 * storm a server that has just come back.
 */
export type ScoreFeed = {
  counts(): { readonly rebuilds: number };
  close(): Promise<void>;
};

export type FedEntry = {
  readonly entry: KeyValueEntry;
  readonly receivedAtMs: number;
  /** Written while we watched: it was not lying there already. Of `version` alone. */
  readonly live: boolean;
};

export type ScoreFeedPorts = {
  readonly bus: Pick<Bus, "scores" | "onStatus">;
  /** Versions of a newer one are handed on, and say nothing about the watch: nobody here can use them. */
  readonly algorithmVersion: number;
  readonly take: (fed: FedEntry) => void;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly log: Log;
};

const POLL_EVERY_MS = 30_000;

/** After a reconnection all readers come at once. */
const RECONNECT_SPREAD_MS = 1_000;

/** What was written a moment ago may be on its way. */
const DELIVERY_MS = 1_000;

const MIN_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;

type State = ScoreFeedPorts & {
  watcher: Watcher | undefined;
  /** Of the watch; what comes from an earlier one is late. */
  session: number;
  /** The newest version that was there before this watch. */
  found: ScorePosition | undefined;
  /** The newest version that any watch delivered. */
  delivered: ScorePosition | undefined;
  backoffMs: number;
  rebuilds: number;
  isClosed: boolean;
  cancelOpen: () => void;
  cancelPoll: () => void;
};

export function createScoreFeed(ports: ScoreFeedPorts): ScoreFeed {
  const state: State = {
    ...ports,
    watcher: undefined,
    session: 0,
    found: undefined,
    delivered: undefined,
    backoffMs: MIN_BACKOFF_MS,
    rebuilds: 0,
    isClosed: false,
    cancelOpen: () => undefined,
    cancelPoll: () => undefined,
  };
  const stopListening = ports.bus.onStatus((status) => {
    if (status === "connected") {
      reconnected(state);
    }
  });
  openIn(state, 0);
  pollIn(state, POLL_EVERY_MS);
  return {
    counts: () => ({ rebuilds: state.rebuilds }),
    async close() {
      state.isClosed = true;
      stopListening();
      state.cancelPoll();
      await closeWatch(state);
    },
  };
}

function reconnected(state: State): void {
  state.backoffMs = MIN_BACKOFF_MS;
  const delayMs = state.random() * RECONNECT_SPREAD_MS;
  if (state.watcher === undefined) {
    openIn(state, delayMs);
  } else {
    pollIn(state, delayMs);
  }
}

function openIn(state: State, delayMs: number): void {
  state.cancelOpen();
  state.cancelOpen = state.schedule(delayMs, () => void open(state));
}

/** What lies there is read first: whatever the watch delivers beyond it has just been written. */
async function open(state: State): Promise<void> {
  const { bus, log } = state;
  state.session += 1;
  const { session } = state;
  try {
    const entry = await bus.scores.get(VERSION_KEY);
    if (state.session === session && !state.isClosed) {
      state.found = positionOf(state, entry);
      state.watcher = bus.scores.watch((watched) => takeFrom(state, session, watched));
    }
  } catch (cause) {
    if (state.session === session && !state.isClosed) {
      log("debug", "scores cannot be watched yet", { cause });
      openIn(state, nextBackoff(state));
    }
  }
}

function nextBackoff(state: State): number {
  const delayMs = state.backoffMs * (0.5 + state.random() / 2);
  state.backoffMs = Math.min(2 * state.backoffMs, MAX_BACKOFF_MS);
  return delayMs;
}

function takeFrom(state: State, session: number, entry: KeyValueEntry): void {
  if (state.session !== session || state.isClosed) {
    return;
  }
  const position = entry.key === VERSION_KEY ? positionOf(state, entry) : undefined;
  const live = position !== undefined && isBeyond(position, state.found);
  if (position !== undefined && isBeyond(position, state.delivered)) {
    state.delivered = position;
  }
  if (live) {
    state.backoffMs = MIN_BACKOFF_MS;
  }
  state.take({ entry, receivedAtMs: state.nowMs(), live });
}

function pollIn(state: State, delayMs: number): void {
  state.cancelPoll();
  state.cancelPoll = state.schedule(delayMs, () => void poll(state));
}

async function poll(state: State): Promise<void> {
  const { session } = state;
  let polled: ScorePosition | undefined;
  try {
    polled = positionOf(state, await state.bus.scores.get(VERSION_KEY));
  } catch (cause) {
    state.log("debug", "the version of the scores could not be asked for", { cause });
  }
  if (state.isClosed) {
    return;
  }
  pollIn(state, POLL_EVERY_MS);
  if (state.watcher !== undefined && polled !== undefined && isBeyond(polled, state.delivered)) {
    state.cancelOpen();
    state.cancelOpen = state.schedule(DELIVERY_MS, () => doubt(state, session, polled));
  }
}

/** The watch had its time to deliver what was polled. */
function doubt(state: State, session: number, polled: ScorePosition): void {
  if (state.session === session && isBeyond(polled, state.delivered)) {
    state.log("warn", "the watch of the scores fell silent; watching anew", { ...polled });
    state.rebuilds += 1;
    void closeWatch(state);
    openIn(state, nextBackoff(state));
  }
}

async function closeWatch(state: State): Promise<void> {
  const { watcher } = state;
  state.cancelOpen();
  state.watcher = undefined;
  state.session += 1;
  try {
    await watcher?.stop();
  } catch (cause) {
    state.log("debug", "a watch of the scores could not be ended", { cause });
  }
}

/** Absent: there is none that this program could use. */
function positionOf(
  { algorithmVersion }: State,
  entry: KeyValueEntry | undefined,
): ScorePosition | undefined {
  const version = entry && decodeVersion(entry.value);
  if (version === undefined || "problem" in version) {
    return undefined;
  }
  const { position } = version;
  return position.algorithmVersion > algorithmVersion ? undefined : position;
}

function isBeyond(position: ScorePosition, other: ScorePosition | undefined): boolean {
  return other === undefined || comparePositions(position, other) > 0;
}
