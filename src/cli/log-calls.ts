import type { CallEnd, CompletionCall } from "../domain/call.ts";
import type { CallSink, Log, NowMs } from "../domain/ports.ts";
import { type RouterError, type RouterErrorCode, routerErrors } from "../domain/router-error.ts";
import { inputTokensOf, outputTokensOf } from "../domain/usage.ts";
import { createLineSampling } from "./line-sampling.ts";
import { createQuietLines } from "./quiet-lines.ts";

/** However many there are, every reason of refusals is told of once in this time. */
const REASON_MS = 10_000;

/** What callers may write freely is cut to this many characters. */
const MAX_WORD_CHARS = 64;

/** More tell nobody more, and an outage must not be made worse by its log. */
const MAX_FAILURES_PER_SECOND = 200;

const NANO_USD = 1_000_000_000;

type Kind = {
  readonly level: "info" | "warn";
  readonly message: string;
  /** Lines of its kind left out since the last one; absent: this one is left out too. */
  readonly suppressed: number | undefined;
};

/**
 * One line for every call of the router. It never holds prompts, answers, labels or the end user.
 *
 * - `call failed`, a warning: it was not its caller's doing. At most 200 a second, whatever the limit.
 * - `call ended`: it succeeded, or ended by its caller's doing. At most `callsPerSecond`, which is read
 *   anew for each; 0, the default, writes none, and then such a call costs nothing.
 * - `call refused`: refused to its caller before any attempt, as when nothing satisfies its policy. As
 *   many a second again, so that no flood of them hides calls that were served; and one per reason in
 *   10 s whatever the limit, because the policy may be the operator's.
 *
 * `suppressed` counts the lines of the same kind that were left out since the one before.
 */
export function createCallLog(
  log: Log,
  nowMs: NowMs,
  callsPerSecond: () => number = () => 0,
): CallSink {
  const reasons = createQuietLines<RouterErrorCode>(REASON_MS);
  const refused = createLineSampling(callsPerSecond);
  const ended = createLineSampling(callsPerSecond);
  const failed = createLineSampling(() => MAX_FAILURES_PER_SECOND);

  function kindOf({ error, attempts }: CallEnd): Kind {
    const atMs = nowMs();
    if (error === undefined || (attempts.length > 0 && isOfCaller(error))) {
      return { level: "info", message: "call ended", suppressed: ended.pass(atMs) };
    }
    if (!isOfCaller(error)) {
      return { level: "warn", message: "call failed", suppressed: failed.pass(atMs) };
    }
    const isFirst = reasons.pass(error.code, atMs) !== undefined;
    return { level: "info", message: "call refused", suppressed: refused.pass(atMs, isFirst) };
  }

  return (call, end) => {
    const { level, message, suppressed } = kindOf(end);
    if (suppressed !== undefined) {
      log(level, message, fieldsOf(call, end, suppressed));
    }
  };
}

function isOfCaller({ code }: RouterError): boolean {
  return routerErrors[code].source === "caller";
}

function fieldsOf(call: CompletionCall, end: CallEnd, suppressed: number) {
  const { id, trace, spec, policy, caller } = call;
  const { decision, error, attempts, timings } = end;
  const last = attempts.at(-1);
  return {
    call: id,
    trace: trace.traceId,
    outcome: error?.code ?? "success",
    // After an attempt it may quote a provider, and providers quote prompts.
    message: attempts.length === 0 ? error?.message : undefined,
    // A name that the catalogue does not have is the caller's.
    model: decision?.endpoint.model ?? clipped(spec.model),
    endpoint: last?.endpoint.id,
    tier: policy.tier,
    operation: clippedOrAbsent(policy.operation),
    application: clippedOrAbsent(caller.application),
    attempts: attempts.map(({ endpoint, outcome }) => `${endpoint.id}: ${outcome.kind}`),
    totalMs: Math.round(timings.total),
    firstTokenMs: last?.firstTokenMs === undefined ? undefined : Math.round(last.firstTokenMs),
    failedAttemptsMs: Math.round(timings.failedAttempts),
    // Mostly below 1: a whole number would say nothing.
    routerMs: tenths(timings.plan + timings.routerOverhead),
    ...spentIn(end),
    suppressed,
  };
}

function spentIn(end: CallEnd) {
  if (end.usage === undefined) {
    return undefined;
  }
  const { usage, cost } = end;
  return {
    inputTokens: inputTokensOf(usage),
    outputTokens: outputTokensOf(usage),
    costUsd: cost.total === undefined ? undefined : cost.total / NANO_USD,
  };
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}

function clippedOrAbsent(text: string): string | undefined {
  return text === "" ? undefined : clipped(text);
}

function clipped(text: string): string {
  return text.length > MAX_WORD_CHARS ? `${text.slice(0, MAX_WORD_CHARS - 1)}…` : text;
}
