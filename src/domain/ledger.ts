import type { AttemptRecord, Timings } from "./call.ts";
import type { Cost } from "./money.ts";
import type { RouteDecision } from "./plan.ts";
import type { Tier } from "./policy.ts";
import type { RouterErrorCode } from "./router-error.ts";
import type { TraceContext } from "./trace.ts";
import type { Usage } from "./usage.ts";

/**
 * One call that has ended, as one replica remembers it: never its messages, tools or answer, and
 * nothing that would keep them in memory.
 */
export type RecordedCall = {
  /** UUID. A caller that sends its request id again, after the first call has ended, repeats it. */
  readonly id: string;
  /** Its `keep` tells whether spans were made of the call. */
  readonly trace: TraceContext;
  /** Epoch milliseconds. */
  readonly receivedAtMs: number;
  readonly application: string;
  readonly labels: Readonly<Record<string, string>>;
  /** As the caller named it, which may be an alias. */
  readonly model: string;
  readonly operation: string;
  readonly tier: Tier;
  readonly streaming: boolean;
  /** Absent when there is no plan. */
  readonly decision: RouteDecision | undefined;
  /** In order; the outcomes are without `cause`. Empty: no endpoint was asked. */
  readonly attempts: readonly AttemptRecord[];
  /** Absent: the call succeeded. */
  readonly error: { readonly code: RouterErrorCode; readonly message: string } | undefined;
  readonly partial: boolean;
  /** Absent when no endpoint was asked, and so is `cost`. */
  readonly usage: Usage | undefined;
  readonly cost: Cost | undefined;
  readonly timings: Timings;
  /** 0 when it cannot be told. */
  readonly outputTokensPerSecond: number;
  /** Empty when not told. */
  readonly upstreamModel: string;
};

/**
 * `slow` is every call, the longest first; the others are newest first: `failed` those with an error,
 * save that the caller left or was refused; `refused` those for which no endpoint was asked, by their
 * caller's doing; and `fallback` those with more than one attempt.
 */
export type CallKind = "all" | "slow" | "failed" | "refused" | "fallback";

export type CallFilter = {
  readonly kind: CallKind;
  /** As the caller named it or as the catalogue does, in any case; empty: any. */
  readonly model: string;
  /** That was asked, or planned for a call that was refused; empty: any. */
  readonly endpoint: string;
  /** Empty: any. */
  readonly operation: string;
  readonly minDurationMs: number;
  readonly limit: number;
};

/** The calls that one replica remembers. */
export type CallHistory = {
  /** How many of the newest calls it remembers, refused ones apart; 0: none. */
  readonly capacity: number;
  /** Calls that took longer are remembered beyond the newest ones. */
  readonly slowMs: () => number;
  /**
   * Calls whose id begins with `key`, and those of the trace with this id, newest first and at most
   * `limit`. Of those with equal ids the newest alone. Lower case.
   */
  find(key: string, limit: number, pause: Pause): Promise<readonly RecordedCall[]>;
  list(
    filter: CallFilter,
    pause: Pause,
  ): Promise<{
    readonly calls: readonly RecordedCall[];
    /** That matched, whatever the limit. */
    readonly matched: number;
  }>;
};

/** Awaited between two pieces of a long work, so that calls are not held up by it. */
export type Pause = () => Promise<void>;

export const spendFields = ["application", "operation", "model", "endpoint", "tier"] as const;

export type SpendField = (typeof spendFields)[number];

/** What sums are told apart by: a fact of the call, or the caller's label with this key. */
export type SpendDimension =
  | { readonly kind: "field"; readonly field: SpendField }
  | { readonly kind: "label"; readonly key: string };

export type SpendQuery = {
  /** Whole clock hours before the running one. */
  readonly hours: number;
  /** Empty: one sum of everything. */
  readonly groupBy: readonly SpendDimension[];
  /** Most rows; the others are summed up as `rest`. */
  readonly top: number;
  readonly nowMs: number;
};

/** Sums over calls that asked an endpoint, at the one that decided each. Money in nano-USD, exact at any size. */
export type SpendSums = {
  readonly calls: number;
  /** Among `calls`: with an error. */
  readonly failedCalls: number;
  /** Among `calls`: owed something, but at a price that is not known. */
  readonly unpricedCalls: number;
  /** Of calls whose price is known; absent when there are none that owe anything. */
  readonly usage: Usage | undefined;
  /** Of the others; absent when there are none. */
  readonly unpricedUsage: Usage | undefined;
  readonly cost: {
    readonly total: bigint;
    readonly input: bigint;
    readonly output: bigint;
    readonly cache: bigint;
    readonly request: bigint;
  };
  /** Attempts that another one followed although their answer had begun. They are in nothing above. */
  readonly givenUp: {
    readonly attempts: number;
    /** Among them: nothing of their tokens or of their price is known. */
    readonly unknown: number;
    /** Nano-USD, of the others. */
    readonly cost: bigint;
  };
  /** Least and greatest revision of the catalogue whose prices are in the sum; 0: no call. */
  readonly minCatalogRevision: number;
  readonly maxCatalogRevision: number;
  /** Versions of the prices that are in the sum, at most 8 of them, in no order. */
  readonly priceVersions: readonly string[];
};

export type SpendRow = {
  /** Parallel to `groupBy`; empty where the caller gave none. */
  readonly values: readonly string[];
  readonly sums: SpendSums;
};

export type SpendReport = {
  /** Epoch milliseconds: the hour from which on everything is counted, or when counting began. */
  readonly fromMs: number;
  /** Dearest first. */
  readonly rows: readonly SpendRow[];
  /** Groups beyond the rows, and their sum. */
  readonly restGroups: number;
  readonly rest: SpendSums;
  /** Of calls that found no place in their hour, because too many different ones had come before. */
  readonly other: SpendSums;
  /** Rows, rest and other together. */
  readonly total: SpendSums;
};

/** What one replica's calls have cost since it started. */
export type SpendHistory = {
  /** How far it looks back; 0: nothing is summed up. */
  readonly hours: number;
  /** Epoch milliseconds, when counting began. */
  readonly sinceMs: number;
  report(query: SpendQuery, pause: Pause): Promise<SpendReport>;
};
