import type { AttemptRecord, CallResult, CompletionCall } from "../domain/call.ts";
import type { SpendHistory } from "../domain/ledger.ts";
import type { CallSink } from "../domain/ports.ts";
import { isBilled } from "../domain/usage.ts";
import { createSeriesIndex, type SeriesIndex, type SeriesNames } from "./series-index.ts";
import { type Hour, reportOf, type Series } from "./spend-report.ts";
import { addCall, addGivenUp, createTally, type SpentCall } from "./spend-sums.ts";

export type SpendOptions = {
  /** Whole hours to look back on; 0: nothing is summed up. */
  readonly hours: number;
  /** Most series an hour; calls of any other are summed up as one. */
  readonly seriesPerHour: number;
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
};

export type SpendLedger = SpendHistory & {
  /** Takes a call in constant time. */
  readonly record: CallSink;
};

type OpenHour = Hour & { readonly tallyOf: SeriesIndex };

const MS_PER_HOUR = 3_600_000;

/**
 * What calls cost, by the clock hour (UTC) in which they ended.
 *
 * A call counts with the price of the catalogue it was planned with, at the endpoint that decided it.
 * Attempts before that one are billed too where `isBilled`: they are summed up apart, at the
 * endpoint where they were made. Calls that asked no endpoint are not counted. Labels are the caller's,
 * so their combinations have no natural bound: `seriesPerHour` and `hours` bound the memory, and no call
 * is ever left out of the total.
 */
export function createSpendLedger(options: SpendOptions): SpendLedger {
  const { hours, seriesPerHour, startedAtMs } = options;
  /** Ascending. */
  let kept: Hour[] = [];
  let newest: OpenHour | undefined;

  /** A clock that goes back writes into the newest hour. */
  function hourAt(atMs: number): OpenHour {
    const number = Math.floor(atMs / MS_PER_HOUR);
    if (newest !== undefined && number <= newest.number) {
      return newest;
    }
    const series: Series[] = [];
    const other = createTally();
    const tallyOf = createSeriesIndex({ series, other }, seriesPerHour);
    newest = { number, series, other, tallyOf };
    // Without what finds its series: its keys would double the memory of every hour that is over.
    const hour: Hour = { number, series, other };
    kept = [...kept.filter((earlier) => earlier.number >= number - hours), hour];
    return newest;
  }

  return {
    hours,
    sinceMs: startedAtMs,
    record(call, end) {
      if (hours === 0 || end.usage === undefined) {
        return;
      }
      const hour = hourAt(call.receivedAtMs + end.timings.total);
      const last = lastOf(end.attempts);
      addCall(hour.tallyOf(namesOf(call, end, last)), spentCallOf(end, last));
      if (end.attempts.length > 1) {
        addAllGivenUp(hour, call, end);
      }
    },
    async report(query, pause) {
      const firstHour = Math.floor(query.nowMs / MS_PER_HOUR) - Math.min(query.hours, hours);
      const wanted = kept.filter(({ number }) => number >= firstHour);
      return {
        fromMs: Math.max(startedAtMs, firstHour * MS_PER_HOUR),
        ...(await reportOf(wanted, query, pause)),
      };
    },
  };
}

function namesOf(
  { caller: { application, labels } }: CompletionCall,
  { decision: { operation, tier } }: CallResult,
  { endpoint: { id, model } }: AttemptRecord,
): SeriesNames {
  return { application, operation, model, endpoint: id, tier, labels };
}

function addAllGivenUp({ tallyOf }: OpenHour, call: CompletionCall, end: CallResult): void {
  const { catalogRevision, priceVersion } = end.decision;
  for (const attempt of end.attempts) {
    const { givenUpCost } = attempt;
    if (givenUpCost !== undefined) {
      const cost = givenUpCost.total;
      addGivenUp(tallyOf(namesOf(call, end, attempt)), { cost, catalogRevision, priceVersion });
    }
  }
}

/** The attempt that decided the call. */
function lastOf(attempts: CallResult["attempts"]): AttemptRecord {
  return attempts.reduce((_, attempt) => attempt);
}

/** A call that failed and is not billed owes nothing, whatever was counted. */
function spentCallOf({ error, usage, cost, decision }: CallResult, last: AttemptRecord): SpentCall {
  const isOwed = error === undefined || isBilled(last);
  return {
    failed: error !== undefined,
    usage: isOwed ? usage : undefined,
    cost,
    catalogRevision: decision.catalogRevision,
    priceVersion: decision.priceVersion,
  };
}
