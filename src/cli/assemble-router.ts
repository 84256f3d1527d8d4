import { createRetryBudget } from "../attempt/retry-budget.ts";
import type { Endpoint } from "../domain/catalog.ts";
import { nativeOnlyGates } from "../domain/gate.ts";
import type { Log, Router } from "../domain/ports.ts";
import type { LiveView, ScoreSnapshot } from "../domain/score.ts";
import { createCallObserver, createObserver } from "../observe/observe.ts";
import { createRouter } from "../router.ts";
import { createScoreboard } from "../score/scoreboard.ts";
import type { Connection } from "../upstream/connection.ts";
import { createHttpUpstream } from "../upstream/http-upstream.ts";
import { createAttemptLog } from "./log-attempts.ts";
import { createCallLog } from "./log-calls.ts";
import type { ServerWorld } from "./server-world.ts";
import type { Serving } from "./serving-state.ts";

export type AssembledRouter = {
  readonly router: Router;
  readonly scores: () => ScoreSnapshot;
  readonly live: LiveView;
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
  readonly world: ServerWorld;
  readonly log: Log;
};

/** Puts the stages of a call together with the providers behind them. */
export function assembleRouter({ serving, connect, world, log }: Assembly): AssembledRouter {
  const { nowMs, schedule, random } = world;
  const { retry, timeouts, scores: scoring } = serving().config;
  const scoreboard = createScoreboard({ random }, nowMs());
  const http = createHttpUpstream({
    connect,
    connectTimeoutMs: timeouts.connectMs,
    nowMs,
  });
  const onSinkError = (cause: unknown) => log("error", "an observation was not taken", { cause });
  const snapshots = takeSnapshots(scoreboard.snapshot, scoring.snapshotMs, world);
  const router = createRouter({
    catalog: () => serving().catalog,
    scores: snapshots.latest,
    live: scoreboard.live,
    gates: nativeOnlyGates,
    policy: () => serving().policy,
    attempt: {
      upstream: http.upstream,
      observe: createObserver([scoreboard.record, createAttemptLog(log)], onSinkError),
      admission: scoreboard,
      budget: createRetryBudget({
        ratio: retry.budgetRatio,
        reservePerSecond: retry.budgetReservePerSecond,
      }),
      get timeouts() {
        return serving().attemptTimeouts;
      },
      nowMs,
      schedule,
      random,
    },
    finished: createCallObserver([createCallLog(log, nowMs)], onSinkError),
  });
  scoreboard.retain(serving().endpoints, nowMs());
  return {
    router,
    scores: snapshots.latest,
    live: scoreboard.live,
    retain: ({ endpoints }) => scoreboard.retain(endpoints, nowMs()),
    async close() {
      snapshots.stop();
      await http.close();
    },
  };
}

function takeSnapshots(
  snapshot: (nowMs: number) => ScoreSnapshot,
  everyMs: number,
  { nowMs, schedule }: ServerWorld,
) {
  let latest = snapshot(nowMs());
  let cancel = schedule(everyMs, tick);
  function tick(): void {
    latest = snapshot(nowMs());
    cancel = schedule(everyMs, tick);
  }
  return { latest: () => latest, stop: () => cancel() };
}
