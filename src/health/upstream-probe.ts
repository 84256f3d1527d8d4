import { type CancelSignal, createCanceller } from "../domain/cancel.ts";
import type { Endpoint } from "../domain/catalog.ts";
import type { CompletionSpec, SamplingParams } from "../domain/completion.ts";
import type { ProbeSignal } from "../domain/health.ts";
import { costOf } from "../domain/money.ts";
import { failureTraits, type Outcome } from "../domain/outcome.ts";
import type { NowMs, Schedule, Upstream } from "../domain/ports.ts";
import { isContent, type StreamEvent } from "../domain/stream-event.ts";
import type { Usage } from "../domain/usage.ts";
import type { ProbeResult } from "./prober.ts";

export type UpstreamProbePorts = {
  readonly upstream: Upstream;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  /** A probe that has not ended by then has failed. */
  readonly timeoutMs: number;
};

/**
 * Probes by the cheapest call there is: one word in, one token out. It goes to the provider and past
 * everything else: no plan, no admission, no observation.
 *
 * A failure that is no evidence about the endpoint, such as a refused key or a full rate limit, gives no
 * signal.
 */
export function createUpstreamProbe(
  ports: UpstreamProbePorts,
): (endpoint: Endpoint, signal: CancelSignal) => Promise<ProbeResult> {
  const { upstream, nowMs, schedule, timeoutMs } = ports;
  return async (endpoint, signal) => {
    const startedAtMs = nowMs();
    const canceller = createCanceller();
    let isTimedOut = false;
    let firstContentMs: number | undefined;
    let usage: Usage | undefined;
    const cancelTimeout = schedule(timeoutMs, () => {
      isTimedOut = true;
      canceller.abort();
    });
    const onAbort = () => canceller.abort();
    signal.addEventListener("abort", onAbort);
    const emit = (event: StreamEvent) => {
      if (event.kind === "usage") {
        usage = event.usage;
      } else if (isContent(event)) {
        firstContentMs ??= nowMs();
      }
    };
    try {
      const outcome = await upstream({
        endpoint,
        spec: { ...SPEC, model: endpoint.model },
        stream: true,
        emit,
        signal: canceller.signal,
      });
      return {
        signal: isTimedOut ? FAILED : signalOf(outcome, firstContentMs, startedAtMs),
        costNanoUsd: usage && costOf(usage, endpoint.pricing, 0).total,
      };
    } finally {
      cancelTimeout();
      signal.removeEventListener("abort", onAbort);
    }
  };
}

/**
 * The most that a probe can cost in nano-USD. Absent where a price is unknown, unless `assumedNanoUsd` says
 * what to reckon with, and where the endpoint takes no limit of output tokens. The built-in fleet costs
 * nothing.
 */
export function probeCostOf(
  { simulated, pricing, parameters }: Endpoint,
  assumedNanoUsd: number | undefined,
): number | undefined {
  if (simulated) {
    return 0;
  }
  return parameters.has("max_output_tokens")
    ? (costOf(MOST_USAGE, pricing, 0).total ?? assumedNanoUsd)
    : undefined;
}

const FAILED: ProbeSignal = { kind: "probe", passed: false, firstTokenMs: undefined };

function signalOf(
  outcome: Outcome,
  firstContentMs: number | undefined,
  startedAtMs: number,
): ProbeSignal | undefined {
  if (outcome.kind === "success") {
    const firstTokenMs = firstContentMs === undefined ? undefined : firstContentMs - startedAtMs;
    return { kind: "probe", passed: true, firstTokenMs };
  }
  return failureTraits[outcome.kind].evidence === "bad" ? FAILED : undefined;
}

/**
 * Some providers put a prompt of their own before the caller's, and a reasoning model may think within
 * its one token.
 */
const MOST_USAGE: Usage = {
  freshInput: 128,
  cacheRead: 0,
  cacheWrite: 0,
  visibleOutput: 1,
  reasoningOutput: 1,
  source: "estimated",
};

const SAMPLING: SamplingParams = {
  temperature: undefined,
  topP: undefined,
  topK: undefined,
  minP: undefined,
  maxOutputTokens: 1,
  stop: [],
  seed: undefined,
  frequencyPenalty: undefined,
  presencePenalty: undefined,
  repetitionPenalty: undefined,
  candidateCount: undefined,
  topLogprobs: undefined,
};

const SPEC: Omit<CompletionSpec, "model"> = {
  messages: [
    { role: "user", name: "", parts: [{ kind: "text", text: "Hi", cacheBreakpoint: false }] },
  ],
  tools: [],
  toolChoice: undefined,
  parallelToolCalls: undefined,
  responseFormat: { kind: "text" },
  sampling: SAMPLING,
  reasoning: undefined,
  providerExtensions: undefined,
};
