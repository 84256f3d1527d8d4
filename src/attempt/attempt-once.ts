import type { AttemptRecord, CompletionCall } from "../domain/call.ts";
import { type CancelSignal, createCanceller } from "../domain/cancel.ts";
import type { CompletionSpec } from "../domain/completion.ts";
import type { Outcome } from "../domain/outcome.ts";
import type { PlannedEndpoint } from "../domain/plan.ts";
import type { Admission, NowMs, ObservationSink, Schedule, Upstream } from "../domain/ports.ts";
import { RouterError, routerErrors } from "../domain/router-error.ts";
import type { StreamEvent } from "../domain/stream-event.ts";
import { estimateInputTokens, tokensOfBytes } from "../domain/token-estimate.ts";
import { attemptSlot, type TraceContext, traceparentOf } from "../domain/trace.ts";
import { outputTokensOf, type Usage } from "../domain/usage.ts";
import { type ArrivedMs, type AttemptTrace, createAttemptTrace } from "./attempt-trace.ts";
import { type ClockLimits, type Expiry, startClocks } from "./clocks.ts";

export type AttemptOncePorts = {
  readonly upstream: Upstream;
  readonly observe: ObservationSink;
  readonly admission: Pick<Admission, "awaitContent" | "firstContent">;
  readonly nowMs: NowMs;
  /** Default: nothing waits for the event loop. */
  readonly arrivedMs?: ArrivedMs | undefined;
  readonly schedule: Schedule;
  /**
   * Asks that spans be made of a call that has taken this long so far, before its attempt is observed.
   * `Infinity`: whatever it took. Absent: nobody would take them.
   */
  readonly keepTrace?: ((trace: TraceContext, tookMs: number) => void) | undefined;
};

export type AttemptOnce = {
  readonly call: CompletionCall;
  readonly planned: PlannedEndpoint;
  readonly number: number;
  /** Whether the endpoint is asked for a stream. */
  readonly streamed: boolean;
  readonly limits: ClockLimits;
  /** Endpoints of the plan that may be asked when this one fails; empty for the last attempt. */
  readonly followers: readonly PlannedEndpoint[];
  /** Takes the caller's events. Content that it took can no longer be taken back. */
  readonly emit: (event: StreamEvent) => void;
};

export type AttemptEnd = {
  readonly record: AttemptRecord;
  /** Content has reached the caller, so no other endpoint may take over. */
  readonly committed: boolean;
  readonly usage: Usage;
  /** Between the first and the last content; absent unless they came in a stream. */
  readonly generationMs: number | undefined;
  /** Output tokens that came between them: reasoning that the provider hides is not among them. */
  readonly generatedTokens: number;
  /** How long its end waited for the event loop, after what the record tells. */
  readonly waitedMs: number;
};

type Ending = {
  readonly outcome: Outcome;
  /** Of what the upstream told, when it arrived. */
  readonly endedAtMs: number;
  readonly handledAtMs: number;
};

const CANCELED: Outcome = { kind: "canceled", message: "the call was ended" };

const TIME_IS_UP: Outcome = { kind: "total-timeout", message: "the deadline passed" };

/** Whoever ended the call may have done so because its time was up. */
function endedOutcome({ reason }: CancelSignal): Outcome {
  return reason instanceof RouterError && reason.code === "deadline-exceeded"
    ? TIME_IS_UP
    : CANCELED;
}

const expiryMessages: Readonly<Record<Expiry, string>> = {
  "first-token-timeout": "no content within the first-token limit",
  "idle-timeout": "the answer stalled",
  "total-timeout": "the deadline passed",
};

/** Runs one attempt and observes it exactly once, however it ends. */
export async function attemptOnce(
  attempt: AttemptOnce,
  ports: AttemptOncePorts,
): Promise<AttemptEnd> {
  const { call, emit, planned } = attempt;
  const { id } = planned.endpoint;
  const trace = createAttemptTrace(
    { call, emit, firstContent: (times) => ports.admission.firstContent(id, times) },
    ports.nowMs,
    ports.arrivedMs,
  );
  if (attempt.streamed) {
    ports.admission.awaitContent(id, trace.startedAtMs);
  }
  const ending = call.signal.aborted
    ? endingNow(endedOutcome(call.signal), ports)
    : await endingOf(attempt, trace, ports);
  const { outcome, endedAtMs, handledAtMs } = ending;
  trace.close(outcome);
  const end = endOf(attempt, trace, ending);
  ports.keepTrace?.(
    call.trace,
    isWorthALook(attempt, end) ? Number.POSITIVE_INFINITY : handledAtMs - call.receivedAtMs,
  );
  ports.observe({
    callId: call.id,
    trace: call.trace,
    attempt: end.record,
    endedAtMs,
    streamed: attempt.streamed,
    generationMs: end.generationMs,
    generatedTokens: end.generatedTokens,
    usage: end.record.usage,
  });
  return end;
}

/**
 * Callers who leave or ask for what cannot be had are everyday events, unless another endpoint may take
 * over or the answer breaks off. A deadline that passes is none, be it the caller's: what took so long is
 * what spans are for. What is decided here holds for the reports of this attempt; without it they are told
 * before the call's end shows that it was worth a look.
 */
function isWorthALook(
  { call, planned, number, followers }: AttemptOnce,
  { record: { outcome }, committed }: AttemptEnd,
): boolean {
  if (number > 1) {
    return true;
  }
  switch (outcome.kind) {
    case "success":
      return false;
    case "canceled":
      return isEndedByRouter(call.signal);
    case "context-length":
      return committed || followers.some((next) => isLarger(next, planned));
    case "bad-request":
    case "content-filter":
      return committed;
    default:
      return true;
  }
}

function isEndedByRouter({ reason }: CancelSignal): boolean {
  return reason instanceof RouterError && routerErrors[reason.code].source !== "caller";
}

function isLarger(next: PlannedEndpoint, tried: PlannedEndpoint): boolean {
  return next.endpoint.contextLength > tried.endpoint.contextLength;
}

/** What we end ourselves takes until we do: nobody else's word waits to be read. */
function endingNow(outcome: Outcome, { nowMs }: AttemptOncePorts): Ending {
  const atMs = nowMs();
  return { outcome, endedAtMs: atMs, handledAtMs: atMs };
}

/** Clocks are not read at one time: a call that ends so little before its deadline may have ended because of it. */
const EARLY_MS = 20;

/** Something may have arrived that could not be read yet, and the clock that lets it be read first is about due. */
function isBehind({ deadlineMs }: ClockLimits, { arrivedMs, nowMs }: AttemptOncePorts): boolean {
  const atMs = nowMs();
  return arrivedMs !== undefined && arrivedMs(atMs) < atMs && atMs >= deadlineMs - EARLY_MS;
}

/**
 * Turns every ending into an outcome, and does not wait for an adapter once the attempt is over.
 *
 * The attempt is over in the moment in which the caller leaves: a failure after it is about the hang-up
 * and says nothing about the endpoint. A caller that leaves because time is up may be heard before an
 * answer that came in time, where the event loop was busy. The deadline's own clock, which is due by
 * then as well, lets that be read first, and ends the attempt in its place.
 */
function endingOf(
  { call, planned, number, streamed, limits }: AttemptOnce,
  trace: AttemptTrace,
  ports: AttemptOncePorts,
): Promise<Ending> {
  return new Promise((resolve) => {
    const canceller = createCanceller();
    let isOver = false;
    const end = (ending: Ending) => {
      if (isOver) {
        return;
      }
      isOver = true;
      clocks.stop();
      call.signal.removeEventListener("abort", leave);
      resolve(ending);
    };
    const settle = (outcome: Outcome) => {
      const handledAtMs = ports.nowMs();
      end({ outcome, endedAtMs: trace.arrivedMs(handledAtMs), handledAtMs });
    };
    const giveUp = (outcome: Outcome) => {
      end(endingNow(outcome, ports));
      // What an adapter says while it is called off is not heard.
      trace.close(outcome);
      canceller.abort();
    };
    const leave = () => {
      const outcome = endedOutcome(call.signal);
      if (outcome !== TIME_IS_UP || !isBehind(limits, ports)) {
        giveUp(outcome);
      }
    };
    const clocks = startClocks(
      limits,
      (kind) => giveUp({ kind, message: expiryMessages[kind] }),
      ports,
    );
    const fail = (cause: unknown) =>
      settle({ kind: "malformed-response", message: "the adapter failed", cause });
    trace.open(clocks);
    call.signal.addEventListener("abort", leave);
    try {
      ports
        .upstream({
          endpoint: planned.endpoint,
          spec: call.spec,
          stream: streamed,
          emit: trace.emit,
          signal: canceller.signal,
          trace: {
            traceparent: traceparentOf(call.trace, attemptSlot(number)),
            tracestate: call.trace.traceState,
          },
          onActivity: () => clocks.activity(ports.nowMs()),
        })
        .then(settle, fail);
    } catch (cause) {
      // An adapter that is no async function may throw before it has a promise to reject.
      fail(cause);
    }
  });
}

function endOf(
  { call, planned, number, streamed }: AttemptOnce,
  trace: AttemptTrace,
  { outcome, endedAtMs, handledAtMs }: Ending,
): AttemptEnd {
  const { startedAtMs, firstContentMs, lastContentMs, told } = trace;
  const failure = outcome.kind === "success" ? undefined : outcome;
  const usage = usageOf(call.spec, trace, failure === undefined);
  return {
    record: {
      number,
      endpoint: planned.endpoint,
      startedAtMs,
      durationMs: endedAtMs - startedAtMs,
      firstTokenMs: firstContentMs === undefined ? undefined : firstContentMs - startedAtMs,
      outcome,
      httpStatus: failure?.httpStatus ?? told.httpStatus,
      upstreamRequestId: failure?.upstreamRequestId ?? told.upstreamRequestId,
      droppedParameters: planned.droppedParameters,
      finishReasons: told.finishReasons,
      usage: outputTokensOf(usage) > 0 || usage.source === "provider" ? usage : undefined,
      streamed,
      upstreamModel: told.upstreamModel,
    },
    // A unary caller is handed nothing before the end, so a broken answer can still be replaced.
    committed: call.streaming && trace.passedContent,
    usage,
    generationMs:
      firstContentMs === undefined || !streamed ? undefined : lastContentMs - firstContentMs,
    generatedTokens: usage.visibleOutput + (trace.showedReasoning ? usage.reasoningOutput : 0),
    waitedMs: handledAtMs - endedAtMs,
  };
}

/** The provider's own count, or what can be told without it: an estimate, or what had arrived. */
function usageOf(spec: CompletionSpec, trace: AttemptTrace, succeeded: boolean): Usage {
  const told = trace.told.usage;
  const arrived = tokensOfBytes(trace.contentBytes);
  if (told !== undefined) {
    // An answer that broke may have told its usage only at its start.
    return succeeded || outputTokensOf(told) >= arrived
      ? told
      : { ...told, visibleOutput: Math.max(0, arrived - told.reasoningOutput) };
  }
  return {
    // A refused or lost attempt is not billed for its prompt.
    freshInput: succeeded || arrived > 0 ? estimateInputTokens(spec) : 0,
    cacheRead: 0,
    cacheWrite: 0,
    visibleOutput: arrived,
    reasoningOutput: 0,
    source: succeeded ? "estimated" : "partial",
  };
}
