import type { CatalogSnapshot } from "../domain/catalog.ts";
import type { NowMs, Router, Schedule } from "../domain/ports.ts";
import type { LiveView, ScoreSnapshot } from "../domain/score.ts";
import type { DeadlineLimits } from "./deadline.ts";
import type { IdempotencyLimits } from "./idempotency.ts";
import type { SharedHealth } from "./shared-health.ts";

/** The world of the handlers. The functions are read anew for every call. */
export type HandlerPorts = {
  readonly router: Router;
  readonly catalog: () => CatalogSnapshot;
  readonly scores: () => ScoreSnapshot;
  readonly live: LiveView;
  /** Default: `noSharedHealth`. */
  readonly health?: SharedHealth;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  /** A fresh UUID. */
  readonly newId: () => string;
  readonly limits: HandlerLimits;
};

export type HandlerLimits = DeadlineLimits & {
  readonly idempotency: IdempotencyLimits;
  /** Between heartbeats of a stream whose caller names no interval. */
  readonly heartbeatMs: number;
};
