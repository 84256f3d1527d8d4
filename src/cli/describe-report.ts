import type { HealthReport, HealthSignal, OutcomeDelta } from "../domain/health.ts";
import { formatMs, formatPercent } from "./figures.ts";

/** A report in one line. */
export function describeReport({ producer, endpoint, signal }: HealthReport): string {
  return `${endpoint || "(no endpoint)"}  ${describeSignal(signal)}  from ${producer}`;
}

function describeSignal(signal: HealthSignal): string {
  switch (signal.kind) {
    case "outcomes":
      return `results: ${describeOutcomes(signal)}`;
    case "state":
      return (
        `reported ${signal.state} for ${formatMs(signal.ttlMs)}` +
        (signal.reason === "" ? "" : `: ${signal.reason}`)
      );
    case "rate-limit":
      return `rate limit: ${listOf([
        [signal.requestsRemaining, (left) => `${left} requests left`],
        [signal.tokensRemaining, (left) => `${left} tokens left`],
        [signal.retryAfterMs, (waitMs) => `again in ${formatMs(waitMs)}`],
      ])}`;
    case "breaker":
      return `breaker ${signal.state}`;
    case "load":
      return `load: ${listOf([
        [signal.runningRequests, (count) => `${count} running`],
        [signal.waitingRequests, (count) => `${count} waiting`],
        [signal.kvCacheUsage, (share) => `KV cache ${formatPercent(share, 0)}`],
        [signal.prefixCacheHitRate, (share) => `prefix hits ${formatPercent(share, 0)}`],
      ])}`;
    case "probe":
      return (
        `probe ${signal.passed ? "passed" : "failed"}` +
        (signal.firstTokenMs === undefined ? "" : ` after ${formatMs(signal.firstTokenMs)}`)
      );
    case "tick":
      return "tick";
  }
}

function describeOutcomes({ successes, failures, slice }: OutcomeDelta): string {
  const failed = [...failures].map(([kind, count]) => `, ${count} ${kind}`);
  return `${successes} ok${failed.join("")} (slice ${slice})`;
}

type Fact = readonly [value: number | undefined, text: (value: number) => string];

function listOf(facts: readonly Fact[]): string {
  return facts.flatMap(([value, text]) => (value === undefined ? [] : [text(value)])).join(", ");
}
