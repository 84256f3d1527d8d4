import { type Bus, LEASE_MS } from "../domain/bus.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type { ScorePosition } from "../domain/health.ts";
import type { Log, NowMs, Random, Schedule } from "../domain/ports.ts";
import type { SpanSink } from "../domain/trace.ts";
import { REPLAY_MS } from "../score/health-fold.ts";
import type { Hash } from "../score/shared-endpoint.ts";
import { createLeaseHolder, type LeaseHolder, SECOND_CHOICE_MS } from "./lease-holder.ts";
import { createMissedReports, type MissedReports } from "./missed-reports.ts";
import { createProcessTracer, type ProcessTracer } from "./process-tracer.ts";
import {
  createReportIntake,
  type FoldInput,
  type IntakeCounts,
  type ReportIntake,
} from "./report-intake.ts";
import { createScoreLedger } from "./score-ledger.ts";
import {
  createScorePublisher,
  type FoldOutput,
  type Publication,
  type PublisherCounts,
  type ScorePublisher,
} from "./score-publisher.ts";
import { createScorerTick } from "./scorer-tick.ts";
import { settleWithin } from "./settle-within.ts";
import { createTurns } from "./turns.ts";

/**
 * Folds the stream of reports and, while it leads, publishes what comes of it.
 *
 * Every scorer folds everything, so any of them can go on where another ended. Which of them publishes is
 * a matter of economy and not of correctness: two that both believe to lead write equal bytes, or the one
 * behind finds that it is and stops. Nobody publishes before it has caught up, because half a window
 * looks like little traffic. One that misses reports, because the stream lost them before it came, leads
 * only while nobody else does: some minutes of evidence are worth more than none, and less than all.
 */
export type Scorer = {
  status(): ScorerStatus;
  /** Gives the lease back and ends within some seconds. Never rejects. */
  close(): Promise<void>;
};

export type ScorerStatus = PublisherCounts &
  IntakeCounts & {
    readonly caughtUp: boolean;
    /** Holds the lease, as far as it knows. */
    readonly leader: boolean;
    /** Reports stored and not folded yet. */
    readonly lag: number;
    readonly position: ScorePosition;
    /**
     * Part of the window of which reports were lost before they could be folded, from its beginning up to the
     * latest loss. It shrinks as the window moves on. 0: none.
     */
    readonly missingMs: number;
    /** As `MissedReports.lost`. */
    readonly lostReports: number;
    /** Absent: no round has ended. `failed`: the bus did not confirm. */
    readonly lastRound: Publication | "failed" | undefined;
    /** Epoch milliseconds of the last version written; absent before any. */
    readonly publishedAtMs: number | undefined;
    /** Of reports in a kept trace, beyond 50 a second. */
    readonly spansDropped: number;
  };

export type ScorerPorts = {
  readonly bus: Pick<Bus, "reports" | "scores" | "leases" | "deadLetters">;
  /** Its own: nobody else may feed it. */
  readonly fold: FoldInput & FoldOutput;
  /** Unique in the deployment, 1 to 64 characters. */
  readonly name: string;
  /** Random, unsigned 64 bits, and not that of a reporter of the same name: it numbers the ticks. */
  readonly boot: bigint;
  readonly hash: Hash;
  /** As in `PublisherPorts`. Default: all endpoints are. */
  readonly isKnown?: (endpoint: EndpointId) => boolean;
  /** As in `PublisherPorts`. Default: all models are. */
  readonly isKnownModel?: (model: string) => boolean;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly random: Random;
  /** Resolves after what waits in the event loop had its turn. */
  readonly yieldTurn: () => Promise<void>;
  readonly log: Log;
  /** Takes a CONSUMER span of every report that came with the context of a kept trace. Default: nobody. */
  readonly spans?: SpanSink;
  /** `messaging.system.name` in spans. Default `nats`. */
  readonly system?: string;
};

export const SCORER_LEASE = "scorer";

/** How far our clock may be ahead of the bus's, which says what is stored since when. */
const MAX_SKEW_MS = 60_000;

/** From the end of one round to the begin of the next: at most one publication a second. */
const ROUND_EVERY_MS = 1_000;

/**
 * How long one whose scores are superseded leaves the lead to others. Longer than a second choice waits:
 * those of an older algorithm, who have folded everything and cannot publish, would keep it from leading
 * for ever.
 */
const ASIDE_MS = 2 * SECOND_CHOICE_MS;

/**
 * The same for one that cannot write: a second choice takes the lease within 26 s. Shorter, because one
 * that is alone does nothing but wait, and what kept it from writing may be over.
 */
const FAILING_ASIDE_MS = SECOND_CHOICE_MS + 8_000;

/** Who leads for so long has renewed the lease meanwhile: it is not the bus that is away. */
const FAILING_MS = 2 * LEASE_MS;

/** After that a leader says that it is behind what is published, and as often again. */
const OUTDATED_MS = 60_000;

/** A bus that does not answer must not hold up the end of the process. */
const CLOSE_MS = 2_000;

type State = {
  readonly ports: ScorerPorts;
  readonly tracer: ProcessTracer | undefined;
  readonly intake: ReportIntake;
  readonly publisher: ScorePublisher;
  readonly missed: MissedReports;
  readonly lease: LeaseHolder;
  isCaughtUp: boolean;
  isClosed: boolean;
  /** Grows whenever everything known becomes void. */
  generation: number;
  lastRound: Publication | "failed" | undefined;
  /** Until then it leaves the lead to those of a newer algorithm or stream, if there are any left. */
  supersededUntilMs: number;
  /** Since when it has led and every round failed; absent: it does not lead, or the last one did not. */
  failingSinceMs: number | undefined;
  /** The same of rounds that were outdated; set anew whenever that was logged. */
  outdatedSinceMs: number | undefined;
  publishedAtMs: number | undefined;
};

export function startScorer(ports: ScorerPorts): Scorer {
  const { bus, fold, nowMs, schedule } = ports;
  const state = createState(ports);
  const { intake, publisher, missed, lease } = state;
  const follower = bus.reports.follow({
    sinceMs: nowMs() - REPLAY_MS - MAX_SKEW_MS,
    began: (streamEpoch) => restart(state, streamEpoch),
    lost: missed.lostUntil,
    take(stored) {
      missed.took(stored);
      intake.take(stored);
    },
    caughtUp: () => catchUp(state),
  });
  const startRound = () => void round();
  let cancelRound = schedule(ROUND_EVERY_MS, startRound);
  const tick = createScorerTick({
    ...ports,
    reports: bus.reports,
    isDue: () => leads(state) || isAside(state),
  });

  async function round(): Promise<void> {
    if (state.isCaughtUp) {
      missed.tell();
    }
    const delayMs = await publishIfLeading(state);
    if (!state.isClosed) {
      cancelRound = schedule(delayMs, startRound);
    }
  }

  return {
    status: () => ({
      ...intake.counts(),
      ...publisher.counts(),
      caughtUp: state.isCaughtUp,
      leader: lease.holds(),
      lag: follower.lag() + intake.waiting(),
      position: fold.position(),
      missingMs: missed.missingMs(),
      lostReports: missed.lost(),
      lastRound: state.lastRound,
      publishedAtMs: state.publishedAtMs,
      spansDropped: state.tracer?.stats().spansDropped ?? 0,
    }),
    async close() {
      state.isClosed = true;
      cancelRound();
      tick.stop();
      await settleWithin(Promise.all([follower.stop(), lease.close()]), CLOSE_MS, schedule);
    },
  };
}

function createState(ports: ScorerPorts): State {
  const { bus, fold, name } = ports;
  const turns = createTurns(ports);
  const tracer = tracerOf(ports);
  const intake = createReportIntake({ fold, deadLetters: bus.deadLetters, turns, tracer });
  const ledger = createScoreLedger({ scores: bus.scores, hash: ports.hash, turns });
  const publisher = createScorePublisher({ ...ports, intake, ledger, turns, publisher: name });
  const missed = createMissedReports(ports);
  const state: State = {
    ports,
    tracer,
    intake,
    publisher,
    missed,
    lease: createLeaseHolder({
      ...ports,
      leases: bus.leases,
      lease: SCORER_LEASE,
      owner: name,
      wants: () => state.isCaughtUp,
      isSecondChoice: () => missed.missingMs() > 0,
    }),
    isCaughtUp: false,
    isClosed: false,
    generation: 0,
    lastRound: undefined,
    supersededUntilMs: Number.NEGATIVE_INFINITY,
    failingSinceMs: undefined,
    outdatedSinceMs: undefined,
    publishedAtMs: undefined,
  };
  return state;
}

function tracerOf({ spans, system = "nats", name, ...ports }: ScorerPorts) {
  return spans && createProcessTracer({ ...ports, sink: spans, system, consumer: name });
}

function restart(state: State, streamEpoch: number): void {
  state.isCaughtUp = false;
  state.missed.began();
  state.generation += 1;
  state.publisher.forget();
  state.intake.began(streamEpoch);
  state.ports.log("info", "following health reports", { streamEpoch });
}

function catchUp(state: State): void {
  const { fold, log } = state.ports;
  state.isCaughtUp = true;
  state.intake.caughtUp();
  state.missed.caughtUp();
  log("info", "caught up with the health reports", { ...fold.position() });
  state.lease.hurry();
}

function leads({ isCaughtUp, isClosed, lease }: State): boolean {
  return isCaughtUp && !isClosed && lease.holds();
}

/**
 * It ticks then as if it led. Whether the newer ones are gone, the stream's time tells; when they are and
 * nobody calls, time passes by the ticks of those who wait alone.
 */
function isAside({ ports, isCaughtUp, isClosed, supersededUntilMs }: State): boolean {
  return isCaughtUp && !isClosed && ports.nowMs() < supersededUntilMs;
}

/** Resolves with the time to wait for the next round. */
async function publishIfLeading(state: State): Promise<number> {
  if (!leads(state)) {
    state.failingSinceMs = undefined;
    state.outdatedSinceMs = undefined;
    state.publisher.forget();
    return ROUND_EVERY_MS;
  }
  const { random } = state.ports;
  await publish(state);
  return state.lastRound === "failed" ? ROUND_EVERY_MS * (1 + random()) : ROUND_EVERY_MS;
}

async function publish(state: State): Promise<void> {
  const { nowMs, log } = state.ports;
  const { generation, publisher, lease } = state;
  try {
    state.lastRound = await publisher.publish(
      () => leads(state) && state.generation === generation,
    );
    state.failingSinceMs = undefined;
    state.publishedAtMs = state.lastRound === "written" ? nowMs() : state.publishedAtMs;
  } catch (cause) {
    log(state.lastRound === "failed" ? "debug" : "warn", "scores could not be published", {
      cause,
    });
    state.lastRound = "failed";
    state.failingSinceMs ??= nowMs();
  }
  tellOutdated(state);
  if (state.lastRound === "superseded") {
    log("warn", "scores of a newer algorithm or stream are published already", {
      remedy:
        "upgrade this process; once the newer ones are gone for 3 minutes, it publishes again",
    });
    state.supersededUntilMs = nowMs() + ASIDE_MS;
    lease.standAside(ASIDE_MS);
  } else if (nowMs() - (state.failingSinceMs ?? nowMs()) >= FAILING_MS) {
    log("warn", "leaves it to others to publish scores: it takes the lease and cannot write them");
    state.failingSinceMs = undefined;
    lease.standAside(FAILING_ASIDE_MS);
  }
}

/**
 * A leader catches up within seconds with whoever folded more, unless the stream or its clock was set back. Then
 * it waits for the stream's time, which may take as long as the clock was ahead.
 */
function tellOutdated(state: State): void {
  const { nowMs, log, fold } = state.ports;
  const atMs = nowMs();
  if (state.lastRound !== "outdated") {
    state.outdatedSinceMs = undefined;
    return;
  }
  state.outdatedSinceMs ??= atMs;
  if (atMs - state.outdatedSinceMs >= OUTDATED_MS) {
    state.outdatedSinceMs = atMs;
    log(
      "warn",
      "published scores are later than all reports: nothing is published until these are",
      {
        ...fold.position(),
        remedy: "wait, or delete the stream KV_atlas_scores and then start the routers anew",
      },
    );
  }
}
