import type {
  AttemptRecord,
  CallEnd,
  CallResult,
  CompletionCall,
  Timings,
} from "../domain/call.ts";
import type { CatalogSnapshot, Endpoint } from "../domain/catalog.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type { Model } from "../domain/model.ts";
import type { Refusals, RejectionReason } from "../domain/plan.ts";
import type { Tier } from "../domain/policy.ts";
import type { CallSink } from "../domain/ports.ts";
import { type RouterError, routerErrors } from "../domain/router-error.ts";
import { spanSlots } from "../domain/trace.ts";
import { type DeadlineRoom, overdueRoomOf } from "./deadline-room.ts";
import type { Instrument } from "./instrument.ts";
import { OTHER, type timingParts } from "./labels.ts";
import type { Registry } from "./registry.ts";
import { type HistogramSeries, type Mark, markOf, type NumberSeries, observe } from "./series.ts";

export type CallRecorderOptions = {
  readonly registry: Registry;
  readonly catalog: () => CatalogSnapshot;
};

/** Counts every completion: how it was planned, where it went, how it ended and what it cost. */
export function createCallRecorder({ registry, catalog }: CallRecorderOptions): CallSink {
  const instruments = instrumentsOf(registry);
  const tiers: Readonly<Record<Tier, TierMeters>> = {
    realtime: tierMeters(instruments, "realtime"),
    standard: tierMeters(instruments, "standard"),
  };
  const rejected = createRejections(instruments.rejections);
  const cached = createCache(registry, tiers, rejected.forget);
  const planCounters = { ...instruments, rejected };

  return (call, end) => {
    const tier = tiers[call.policy.tier];
    cached.refresh();
    const { timings } = end;
    // What the caller asked for can be anything at all, so only the catalogue's own model is a key.
    const model = catalog().model(call.spec.model);
    const meters = modelMetersOf(tier, model, instruments);
    const mark = markOf(call.trace, spanSlots.complete, call.receivedAtMs + timings.total);
    countPlan(end, tier, planCounters);
    countEnd(call, end, meters);
    observeParts(tier.parts, timings, mark);
    if (end.usage !== undefined) {
      observe(meters.duration, timings.total / 1_000, mark);
      countAttempts(end, tier, instruments);
    }
  };
}

type Instruments = ReturnType<typeof instrumentsOf>;
type PlanCounters = Instruments & { readonly rejected: ReturnType<typeof createRejections> };

function instrumentsOf(registry: Registry) {
  return {
    calls: registry.counter("calls"),
    overdue: registry.counter("overdue"),
    duration: registry.histogram("callDuration"),
    latency: registry.histogram("latency"),
    plans: registry.counter("plans"),
    rejections: registry.counter("rejections"),
    relaxations: registry.counter("relaxations"),
    firstAttempts: registry.counter("firstAttempts"),
    fallbacks: registry.counter("fallbacks"),
    spend: registry.counter("spend"),
    unknownPrices: registry.counter("unknownPrices"),
  };
}

/** What is counted of one tier. Maps are emptied when the catalogue changes. */
type TierMeters = {
  readonly tier: Tier;
  readonly planned: NumberSeries;
  readonly parts: Readonly<Record<(typeof timingParts)[number], HistogramSeries>>;
  /** `undefined` has those that the catalogue lacks. */
  readonly models: Map<Model | undefined, ModelMeters>;
  readonly endpoints: Map<EndpointId, EndpointMeters>;
};

type ModelMeters = {
  readonly model: string;
  readonly tier: Tier;
  readonly calls: Instrument<NumberSeries>;
  readonly succeeded: NumberSeries;
  readonly overdue: Readonly<Record<DeadlineRoom, NumberSeries>>;
  readonly duration: HistogramSeries;
};

type EndpointMeters = {
  readonly first: NumberSeries;
  readonly spend: NumberSeries;
  readonly unknownPrices: NumberSeries;
};

/** Rates are blind to the first count of a series: what alerts look for is there before, at 0. */
function tierMeters({ plans, latency, relaxations }: Instruments, tier: Tier): TierMeters {
  relaxations.of(tier, "panic");
  return {
    tier,
    planned: plans.of(tier, "planned"),
    parts: {
      queue: latency.of("queue", tier),
      plan: latency.of("plan", tier),
      failed_attempts: latency.of("failed_attempts", tier),
      upstream_first_token: latency.of("upstream_first_token", tier),
      upstream_generation: latency.of("upstream_generation", tier),
      router_overhead: latency.of("router_overhead", tier),
    },
    models: new Map(),
    endpoints: new Map(),
  };
}

function createCache(
  registry: Registry,
  tiers: Readonly<Record<Tier, TierMeters>>,
  forget: () => void,
) {
  let generation = registry.generation();
  return {
    refresh() {
      const now = registry.generation();
      if (now !== generation) {
        generation = now;
        forget();
        for (const { models, endpoints } of [tiers.realtime, tiers.standard]) {
          models.clear();
          endpoints.clear();
        }
      }
    },
  };
}

function countPlan(
  end: CallEnd,
  { tier, planned }: TierMeters,
  { plans, rejected, relaxations }: PlanCounters,
): void {
  if (end.decision !== undefined) {
    planned.value += 1;
    for (const { model, reason, endpoints } of end.decision.refusals ?? NO_REFUSALS) {
      rejected.count(model, reason, endpoints);
    }
    for (const relaxation of end.decision.relaxations) {
      relaxations.of(tier, relaxation).value += 1;
    }
    return;
  }
  // Without a plan it is a refusal, which always has an error.
  const { code, details } = end.error as RouterError;
  plans.of(tier, code).value += 1;
  for (const { endpoint, rejections: reasons } of details.candidates ?? []) {
    const [first] = reasons;
    if (first !== undefined) {
      rejected.count(endpoint.model, first.reason, 1);
    }
  }
}

const NO_REFUSALS: readonly Refusals[] = [];

/** Many plans have some, and to look a series up by its labels costs more than to count. */
function createRejections(instrument: Instrument<NumberSeries>) {
  const models = new Map<string, Map<RejectionReason, NumberSeries>>();
  return {
    forget: () => models.clear(),
    count(model: string, reason: RejectionReason, endpoints: number): void {
      let reasons = models.get(model);
      if (reasons === undefined) {
        reasons = new Map();
        models.set(model, reasons);
      }
      let series = reasons.get(reason);
      if (series === undefined) {
        series = instrument.of(model, reason);
        reasons.set(reason, series);
      }
      series.value += endpoints;
    },
  };
}

function modelMetersOf(
  { tier, models }: TierMeters,
  asked: Model | undefined,
  { calls, overdue, duration }: Instruments,
): ModelMeters {
  let held = models.get(asked);
  if (held === undefined) {
    const model = asked?.id ?? OTHER;
    held = {
      model,
      tier,
      calls,
      succeeded: calls.of(model, tier, "success", ""),
      overdue: {
        short: overdue.of(model, tier, "short"),
        tight: overdue.of(model, tier, "tight"),
        ample: overdue.of(model, tier, "ample"),
      },
      duration: duration.of(model, tier),
    };
    models.set(asked, held);
    for (const [code, source] of faults) {
      calls.of(model, tier, code, source);
    }
  }
  return held;
}

/** Errors that are no fault of their caller, which alerts look for. */
const faults = Object.entries(routerErrors).flatMap(([code, { source }]) =>
  source === "caller" ? [] : [[code, source] as const],
);

function countEnd(call: CompletionCall, end: CallEnd, meters: ModelMeters): void {
  const { model, tier, calls, succeeded, overdue } = meters;
  const { error } = end;
  if (error === undefined) {
    succeeded.value += 1;
    return;
  }
  calls.of(model, tier, error.code, routerErrors[error.code].source).value += 1;
  const room = overdueRoomOf(call, end);
  if (room !== undefined) {
    overdue[room].value += 1;
  }
}

function observeParts(parts: TierMeters["parts"], timings: Timings, mark: Mark | undefined): void {
  observe(parts.queue, timings.queue / 1_000, mark);
  observe(parts.plan, timings.plan / 1_000, mark);
  observe(parts.failed_attempts, timings.failedAttempts / 1_000, mark);
  observe(parts.upstream_first_token, timings.upstreamFirstToken / 1_000, mark);
  observe(parts.upstream_generation, timings.upstreamGeneration / 1_000, mark);
  observe(parts.router_overhead, timings.routerOverhead / 1_000, mark);
}

function countAttempts(
  { attempts, cost }: CallResult,
  meters: TierMeters,
  instruments: Instruments,
): void {
  const first = attempts[0].endpoint;
  endpointMetersOf(meters, first, instruments).first.value += 1;
  if (attempts.length > 1) {
    countFallbacks(attempts, instruments);
  }
  const { endpoint } = attempts[attempts.length - 1] as AttemptRecord;
  const { spend, unknownPrices } = endpointMetersOf(meters, endpoint, instruments);
  if (cost.total === undefined) {
    unknownPrices.value += 1;
  } else {
    spend.value += cost.total;
  }
}

function countFallbacks(attempts: readonly AttemptRecord[], { fallbacks }: Instruments): void {
  for (const { endpoint, outcome } of attempts.slice(0, -1)) {
    fallbacks.of(endpoint.model, endpoint.id, outcome.kind).value += 1;
  }
}

function endpointMetersOf(
  { tier, endpoints }: TierMeters,
  { model, id }: Endpoint,
  { firstAttempts, spend, unknownPrices }: Instruments,
): EndpointMeters {
  let held = endpoints.get(id);
  if (held === undefined) {
    held = {
      first: firstAttempts.of(model, id, tier),
      spend: spend.of(model, id, tier),
      unknownPrices: unknownPrices.of(model, id, tier),
    };
    endpoints.set(id, held);
  }
  return held;
}
