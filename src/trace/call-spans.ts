import type { CallEnd, CompletionCall } from "../domain/call.ts";
import type { Endpoint } from "../domain/catalog.ts";
import type { CallSink, NowMs, RpcEnd, RpcSink } from "../domain/ports.ts";
import { routerErrors } from "../domain/router-error.ts";
import { isServerFault } from "../domain/rpc-status.ts";
import type { SpanSink, TraceContext } from "../domain/trace.ts";
import { attemptSpanOf } from "./attempt-span.ts";
import type { AttributeNames } from "./attribute-table.ts";
import { completeSpanOf } from "./complete-span.ts";
import { planSpanOf } from "./plan-span.ts";
import { rpcSpanOf } from "./rpc-span.ts";
import type { ContentSettings } from "./span-content.ts";
import { createTokenBucket } from "./token-bucket.ts";

export type CallSpansOptions = {
  readonly sink: SpanSink;
  /** Calls that took longer are kept whatever was sampled. Read anew for each. */
  readonly slowMs: () => number;
  /** Calls kept a second although they were not sampled. Read anew for each. */
  readonly keptPerSecond: () => number;
  readonly nowMs: NowMs;
  readonly names: AttributeNames;
  /** Absent: no prompt and no answer is ever written. Read anew for each call that is kept. */
  readonly content?: (() => ContentSettings | undefined) | undefined;
  /** Where an endpoint is reached; absent when it is not known. Default: never known. */
  readonly serverOf?: ((endpoint: Endpoint) => ServerAddress | undefined) | undefined;
};

export type ServerAddress = { readonly host: string; readonly port: number };

export type CallSpans = {
  /**
   * Keeps a call that took longer than `slowMs` although it was not sampled, as far as `keptPerSecond`
   * goes. Once kept it stays so; one that is left out is tried again and counted when it ends.
   */
  readonly keep: (trace: TraceContext, tookMs: number) => void;
  /** Makes the spans of a call but that of its RPC. */
  readonly finished: CallSink;
  /** Makes the span of an RPC. */
  readonly rpc: RpcSink;
  /** Calls and RPCs worth a look that were left out, because more than `keptPerSecond` were. */
  readonly leftOut: () => number;
};

/**
 * Makes the spans of every call that is kept, when it has ended.
 *
 * Kept are those that were sampled when they began, and of the others, as far as `keptPerSecond` goes,
 * those that failed by other hands than their caller's, that were switched to another endpoint, or that
 * were slow, and those for which an attempt asks: it does when they run out of time. The sink of calls has
 * the last word about `trace.keep`: that of their RPCs follows it, and decides alone for RPCs that were no
 * call of the router. A call that is not kept costs a few comparisons.
 */
export function createCallSpans(options: CallSpansOptions): CallSpans {
  const { sink, slowMs, keptPerSecond, nowMs, names } = options;
  const bucket = createTokenBucket(keptPerSecond);
  /** Calls that an attempt asked to keep, in vain so far. */
  const askedFor = new WeakSet<TraceContext>();
  let leftOut = 0;

  /** A success that an attempt asked for is slow or was switched, which its end shows. */
  function isWanted({ trace }: CompletionCall, end: CallEnd): boolean {
    return isWorthALook(end, slowMs) || (end.error !== undefined && askedFor.has(trace));
  }

  function keep(trace: TraceContext): void {
    trace.keep = bucket.take(nowMs());
    if (!trace.keep) {
      leftOut += 1;
    }
  }

  return {
    keep(trace, tookMs) {
      if (!trace.keep && tookMs > slowMs()) {
        trace.keep = bucket.take(nowMs());
        if (!trace.keep) {
          askedFor.add(trace);
        }
      }
    },
    finished(call, end) {
      const { trace } = call;
      if (!trace.keep && isWanted(call, end)) {
        keep(trace);
      }
      if (trace.keep) {
        tell(call, end, options);
      }
    },
    rpc(end) {
      const { trace } = end;
      if (!trace.keep && isOwnFailure(end)) {
        keep(trace);
      }
      if (trace.keep) {
        sink(rpcSpanOf(end, names));
      }
    },
    leftOut: () => leftOut,
  };
}

function isWorthALook(end: CallEnd, slowMs: () => number): boolean {
  return (
    end.attempts.length > 1 ||
    end.timings.total > slowMs() ||
    (end.error !== undefined && routerErrors[end.error.code].source !== "caller")
  );
}

/** Of what was no call of the router; about those, the sink of calls has decided. */
function isOwnFailure({ callId, status }: RpcEnd): boolean {
  return callId === undefined && !callersDoing.has(status) && isServerFault(status);
}

/**
 * Whatever the conventions call it, a method that is not there is its caller's mistake, and a deadline is its
 * caller's: one that is over on arrival says nothing about the router.
 */
const callersDoing: ReadonlySet<string> = new Set(["UNIMPLEMENTED", "DEADLINE_EXCEEDED"]);

function tell(call: CompletionCall, end: CallEnd, options: CallSpansOptions): void {
  const { sink, names } = options;
  sink(completeSpanOf(call, end, names));
  sink(planSpanOf(call, end, names));
  const { attempts } = end;
  for (const attempt of attempts) {
    const content = attempt.number === attempts.length ? options.content?.() : undefined;
    const server = options.serverOf?.(attempt.endpoint);
    sink(attemptSpanOf({ call, attempt, names, content, server }));
  }
}
