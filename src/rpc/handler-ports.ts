import type { CatalogSnapshot } from "../domain/catalog.ts";
import type { CallHistory, SpendHistory } from "../domain/ledger.ts";
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
  /** Absent: `InsightService` is not served, because this process takes no calls. */
  readonly insight?: Insight;
  /** Whether answers are kept until their call has ended, for its spans. Default: never. */
  readonly recordsAnswers?: () => boolean;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  /** A fresh UUID. */
  readonly newId: () => string;
  readonly limits: HandlerLimits;
};

/** What a replica remembers of its own calls. */
export type Insight = { readonly calls: CallHistory; readonly spend: SpendHistory };

export type HandlerLimits = DeadlineLimits & {
  readonly idempotency: IdempotencyLimits;
  /** Between heartbeats of a stream whose caller names no interval. */
  readonly heartbeatMs: number;
};
