import { createRetryBudget } from "../attempt/retry-budget.ts";
import type { Endpoint } from "../domain/catalog.ts";
import { nativeOnlyGates } from "../domain/gate.ts";
import type { Log, Router } from "../domain/ports.ts";
import type { LiveView, ScoreSnapshot } from "../domain/score.ts";
import { createCallObserver, createObserver } from "../observe/observe.ts";
import { createRouter } from "../router.ts";
import type { SharedHealth } from "../rpc/shared-health.ts";
import { ALGORITHM_VERSION } from "../score/health-fold.ts";
import { createScoreboard } from "../score/scoreboard.ts";
import type { Connection } from "../upstream/connection.ts";
import { createHttpUpstream } from "../upstream/http-upstream.ts";
import { type Fleet, joinFleet } from "./assemble-fleet.ts";
import type { RouterTelemetry } from "./assemble-telemetry.ts";
import { fleetSourcesOf } from "./fleet-sources.ts";
import type { FleetStatus } from "./fleet-status.ts";
import { createAttemptLog } from "./log-attempts.ts";
import type { ServerWorld } from "./server-world.ts";
import type { Serving } from "./serving-state.ts";

export type AssembledRouter = {
  readonly router: Router;
  readonly scores: () => ScoreSnapshot;
  readonly live: LiveView;
  /** What all processes of the fleet know together. */
  readonly health: SharedHealth;
  readonly fleetStatus: () => FleetStatus;
  readonly telemetry: RouterTelemetry;
  /** Scores kept from before are there, if there were any. Never rejects. */
  readonly ready: Promise<void>;
  /** Takes another catalogue into the scores. */
  retain(serving: Serving): void;
  /** Breaks what still runs and leaves no timer or connection behind. */
  close(): Promise<void>;
};

type Assembly = {
  /** Read anew for every call, so that a reload takes effect between two calls. */
  readonly serving: () => Serving;
  /** How to reach an endpoint of the catalogue that a call was planned with. */
  readonly connect: (endpoint: Endpoint) => Connection;
  readonly telemetry: RouterTelemetry;
  readonly world: ServerWorld;
  readonly log: Log;
};

/** Puts the stages of a call together with the providers behind them. */
export function assembleRouter({
  serving,
  connect,
  telemetry,
  world,
  log,
}: Assembly): AssembledRouter {
  const { nowMs, schedule, random } = world;
  const { retry, timeouts, scores: scoring } = serving().config;
  const scoreboard = createScoreboard({ random }, nowMs());
  const http = createHttpUpstream({ connect, connectTimeoutMs: timeouts.connectMs, nowMs });
  const onSinkError = (cause: unknown) => log("error", "an observation was not taken", { cause });
  const stopRefreshing = refreshRegularly(scoreboard.snapshot, scoring.snapshotMs, world);
  const loop = world.watchLoop(nowMs);
  const fleet = joinFleet({
    config: serving().config,
    endpoints: () => serving().endpoints,
    endpoint: (id) => serving().catalog.endpoint(id),
    live: scoreboard.live,
    upstream: telemetry.probing(http.upstream),
    spans: telemetry.spans,
    published: telemetry.published,
    world,
    log,
  });
  const { latest } = fleet.reader;
  telemetry.attach({ live: scoreboard.live, ...fleetSourcesOf(fleet) });
  const router = createRouter({
    catalog: () => serving().catalog,
    scores: latest,
    live: scoreboard.live,
    gates: nativeOnlyGates,
    policy: () => serving().policy,
    attempt: {
      upstream: http.upstream,
      observe: createObserver(
        [scoreboard.record, fleet.observe, ...telemetry.observed, createAttemptLog(log)],
        onSinkError,
      ),
      admission: scoreboard,
      keepTrace: telemetry.keepTrace,
      budget: createRetryBudget({
        ratio: retry.budgetRatio,
        reservePerSecond: retry.budgetReservePerSecond,
      }),
      get timeouts() {
        return serving().attemptTimeouts;
      },
      nowMs,
      arrivedMs: loop.arrivedMs,
      schedule,
      random,
    },
    finished: createCallObserver(telemetry.finished, onSinkError),
  });
  scoreboard.retain(serving().endpoints, nowMs());
  return {
    router,
    scores: latest,
    live: scoreboard.live,
    health: sharedHealthOf(fleet, log),
    fleetStatus: fleet.status,
    telemetry,
    ready: fleet.reader.ready,
    retain: ({ endpoints }) => scoreboard.retain(endpoints, nowMs()),
    async close() {
      stopRefreshing();
      loop.stop();
      await fleet.close();
      await http.close();
      await telemetry.close();
    },
  };
}

/** Breakers and limits measure against what this process has seen itself, which is read once in a while. */
function refreshRegularly(
  snapshot: (nowMs: number) => ScoreSnapshot,
  everyMs: number,
  { nowMs, schedule }: ServerWorld,
): () => void {
  let cancel = schedule(everyMs, tick);
  function tick(): void {
    snapshot(nowMs());
    cancel = schedule(everyMs, tick);
  }
  return () => cancel();
}

function sharedHealthOf({ reader, signal }: Fleet, log: Log): SharedHealth {
  return {
    algorithmVersion: ALGORITHM_VERSION,
    onScores: reader.onChange,
    outside: reader.outside,
    publish(endpoint, told, source) {
      log("info", "told from outside", { endpoint, source, kind: told.kind });
      signal(endpoint, told);
    },
  };
}
