import type { Endpoint } from "../domain/catalog.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import { SUCCESS } from "../domain/outcome.ts";
import type { Observation, ObservationSink } from "../domain/ports.ts";
import { isPaceKnown } from "../domain/throughput.ts";
import { attemptSlot } from "../domain/trace.ts";
import { inputTokensOf, outputTokensOf, type Usage } from "../domain/usage.ts";
import type { Instrument } from "./instrument.ts";
import type { GenAiNames } from "./metric-definition.ts";
import type { Registry } from "./registry.ts";
import { type HistogramSeries, markOf, type NumberSeries, observe } from "./series.ts";

export type AttemptRecorderOptions = {
  readonly registry: Registry;
  readonly names: GenAiNames;
  readonly providerName: (providerId: string) => string;
};

/** What is counted of one endpoint. */
type Meters = {
  readonly model: readonly [operation: string, provider: string, model: string];
  readonly endpoint: Endpoint;
  /** By outcome. */
  readonly outcomes: Map<string, OutcomeMeters>;
  /** Made with the first attempt whose tokens are known. */
  tokens: TokenMeters | undefined;
};

type OutcomeMeters = {
  /** `error.type`. */
  readonly failure: string;
  readonly attempts: NumberSeries;
  readonly duration: HistogramSeries;
  /** Made with the first streamed content. */
  firstChunk: HistogramSeries | undefined;
  perChunk: HistogramSeries | undefined;
};

type TokenMeters = (usage: Usage) => void;

type Instruments = {
  readonly attempts: Instrument<NumberSeries>;
  readonly duration: Instrument<HistogramSeries>;
  readonly firstChunk: Instrument<HistogramSeries>;
  readonly perChunk: Instrument<HistogramSeries>;
};

/** Counts every attempt where it was made. */
export function createAttemptRecorder({
  registry,
  names,
  providerName,
}: AttemptRecorderOptions): ObservationSink {
  const instruments = instrumentsWith(registry, names);
  const tokenMeters = tokenMetersWith(registry, names);
  const meters = new Map<EndpointId, Meters>();
  let generation = registry.generation();

  function metersOf(endpoint: Endpoint): Meters {
    if (generation !== registry.generation()) {
      generation = registry.generation();
      meters.clear();
    }
    let held = meters.get(endpoint.id);
    if (held === undefined) {
      const model = ["chat", providerName(endpoint.provider.id), endpoint.model] as const;
      held = { model, endpoint, outcomes: new Map(), tokens: undefined };
      // A rate is blind to the first count of a series, and an alert asks whether anything succeeds.
      instruments.attempts.of(endpoint.model, endpoint.id, model[1], SUCCESS.kind);
      meters.set(endpoint.id, held);
    }
    return held;
  }

  function timeAttempt(observation: Observation, held: Meters, outcome: OutcomeMeters): void {
    const { attempt, streamed, generationMs, generatedTokens, trace, endedAtMs } = observation;
    const mark = markOf(trace, attemptSlot(attempt.number), endedAtMs);
    observe(outcome.duration, attempt.durationMs / 1_000, mark);
    if (streamed && attempt.firstTokenMs !== undefined) {
      outcome.firstChunk ??= instruments.firstChunk.of(...held.model, outcome.failure);
      observe(outcome.firstChunk, attempt.firstTokenMs / 1_000, mark);
    }
    if (isPaceKnown(generationMs, generatedTokens)) {
      outcome.perChunk ??= instruments.perChunk.of(...held.model, outcome.failure);
      observe(outcome.perChunk, generationMs / (generatedTokens - 1) / 1_000, mark);
    }
  }

  return (observation) => {
    const { attempt, usage } = observation;
    const held = metersOf(attempt.endpoint);
    const { kind } = attempt.outcome;
    let outcome = held.outcomes.get(kind);
    if (outcome === undefined) {
      outcome = outcomeMeters(instruments, held, kind);
      held.outcomes.set(kind, outcome);
    }
    outcome.attempts.value += 1;
    timeAttempt(observation, held, outcome);
    if (usage !== undefined) {
      held.tokens ??= tokenMeters(held.model);
      held.tokens(usage);
    }
  };
}

function instrumentsWith(registry: Registry, names: GenAiNames): Instruments {
  const attempts = registry.counter("attempts");
  return names === "latest"
    ? {
        attempts,
        duration: registry.histogram("inferenceDuration"),
        firstChunk: registry.histogram("inferenceFirstChunk"),
        perChunk: registry.histogram("inferencePerChunk"),
      }
    : {
        attempts,
        duration: registry.histogram("operationDuration"),
        firstChunk: registry.histogram("operationFirstChunk"),
        perChunk: registry.histogram("operationPerChunk"),
      };
}

function outcomeMeters(
  { attempts, duration }: Instruments,
  { model, endpoint }: Meters,
  kind: string,
): OutcomeMeters {
  const failure = kind === "success" ? "" : kind;
  return {
    failure,
    attempts: attempts.of(endpoint.model, endpoint.id, model[1], kind),
    duration: duration.of(...model, failure),
    firstChunk: undefined,
    perChunk: undefined,
  };
}

function tokenMetersWith(
  registry: Registry,
  names: GenAiNames,
): (model: Meters["model"]) => TokenMeters {
  return names === "latest" ? latestTokens(registry) : releasedTokens(registry);
}

function releasedTokens(registry: Registry): (model: Meters["model"]) => TokenMeters {
  const usage = registry.histogram("tokenUsage");
  return (model) => {
    const input = usage.of(...model, "input");
    const output = usage.of(...model, "output");
    return (counted) => {
      observe(input, inputTokensOf(counted));
      observe(output, outputTokensOf(counted));
    };
  };
}

function latestTokens(registry: Registry): (model: Meters["model"]) => TokenMeters {
  const inputs = registry.counter("inputTokens");
  const outputs = registry.counter("outputTokens");
  const cacheReads = registry.counter("cacheReadTokens");
  const cacheWrites = registry.counter("cacheWriteTokens");
  const reasonings = registry.counter("reasoningTokens");
  const inputsOfCall = registry.histogram("inputTokensOfCall");
  const outputsOfCall = registry.histogram("outputTokensOfCall");
  return (model) => {
    const input = inputs.of(...model);
    const output = outputs.of(...model);
    const cacheRead = cacheReads.of(...model);
    const cacheWrite = cacheWrites.of(...model);
    const reasoning = reasonings.of(...model);
    const inputOfCall = inputsOfCall.of(...model);
    const outputOfCall = outputsOfCall.of(...model);
    return (usage) => {
      const inputTokens = inputTokensOf(usage);
      const outputTokens = outputTokensOf(usage);
      input.value += inputTokens;
      output.value += outputTokens;
      cacheRead.value += usage.cacheRead;
      cacheWrite.value += usage.cacheWrite;
      reasoning.value += usage.reasoningOutput;
      observe(inputOfCall, inputTokens);
      observe(outputOfCall, outputTokens);
    };
  };
}
