/**
 * What each endpoint of a model is expected to do, from the last 30 minutes of it and of its peers.
 *
 * Raw percentiles of few samples are noise: the luckiest endpoint of five calls would win them all. So
 * every figure is drawn towards the median of the same model's endpoints with the strength of `PRIOR_SAMPLES`
 * samples, latency and throughput in log space because both are ratios. An endpoint without figures gets
 * the worse quartile of its peers: good enough to be tried, never the best. Telemetry that is no
 * positive number of a possible size counts as absent. Nothing here depends on the call, so it is kept per snapshot.
 */
import type { Endpoint } from "../domain/catalog.ts";
import type { Prediction } from "../domain/plan.ts";
import type { EndpointScore, ScoreSnapshot } from "../domain/score.ts";
import { hashOf } from "./random.ts";

/** Samples the peers' figures count for. At 20 own ones, an endpoint speaks half for itself. */
const PRIOR_SAMPLES = 20;

/** Assumed where no endpoint of the model was measured: a middling hosted model. */
export const DEFAULT_FIRST_TOKEN_P50_MS = 800;
export const DEFAULT_FIRST_TOKEN_P95_MS = 3_000;
export const DEFAULT_TOKENS_PER_SECOND = 40;
export const DEFAULT_SUCCESS = 0.99;

/** With this many results, an endpoint is known whoever called it: this replica or another. */
const KNOWN_RESULTS = 20;

/** No latency, throughput or count lies outside; logarithms and sums stay finite inside. */
const MIN_FIGURE = 0.001;
const MAX_FIGURE = 1e9;

/** One endpoint with what it is expected to do. */
export type Forecast = {
  readonly endpoint: Endpoint;
  readonly prediction: Prediction;
  /** Expected share of attempts that answer, above 0, at most 1. */
  readonly success: number;
  readonly degraded: boolean;
  /** The snapshot holds enough results of it, wherever they were observed. */
  readonly known: boolean;
  /** Of its id, for affinity. */
  readonly hash: number;
};

/** In the order of `endpoints`, which serve one model. */
export function forecast(
  endpoints: readonly Endpoint[],
  { scores }: ScoreSnapshot,
): readonly Forecast[] {
  const measured = endpoints.map((endpoint) => {
    const score = scores.get(endpoint.id);
    return { endpoint, score, own: figuresOf(score) };
  });
  const all = measured.map(({ own }) => own);
  const peers: Peers = {
    firstTokenP50: priorOf(all, "firstTokenP50", DEFAULT_FIRST_TOKEN_P50_MS, 0.75),
    firstTokenP95: priorOf(all, "firstTokenP95", DEFAULT_FIRST_TOKEN_P95_MS, 0.75),
    tokensPerSecond: priorOf(all, "tokensPerSecond", DEFAULT_TOKENS_PER_SECOND, 0.25),
    success: priorOf(all, "success", DEFAULT_SUCCESS, 0.5).typical,
  };
  return measured.map(({ endpoint, score, own }) => forecastOf(endpoint, own, peers, score));
}

/** An endpoint's own figures, checked. */
type Figures = {
  readonly firstTokenP50: number | undefined;
  readonly firstTokenP95: number | undefined;
  readonly firstTokenCount: number;
  readonly tokensPerSecond: number | undefined;
  readonly tokensPerSecondCount: number;
  readonly success: number | undefined;
  readonly uptime: number | undefined;
  readonly successes: number;
  readonly failures: number;
};

/** What stands in for own samples: beside them, and without any. */
type Prior = { readonly typical: number; readonly cold: number };

type Peers = {
  readonly firstTokenP50: Prior;
  readonly firstTokenP95: Prior;
  readonly tokensPerSecond: Prior;
  readonly success: number;
};

const NO_FIGURES: Figures = {
  firstTokenP50: undefined,
  firstTokenP95: undefined,
  firstTokenCount: 0,
  tokensPerSecond: undefined,
  tokensPerSecondCount: 0,
  success: undefined,
  uptime: undefined,
  successes: 0,
  failures: 0,
};

function figuresOf(score: EndpointScore | undefined): Figures {
  if (score === undefined) {
    return NO_FIGURES;
  }
  return {
    firstTokenP50: positive(score.firstTokenMs.p50),
    firstTokenP95: positive(score.firstTokenMs.p95),
    firstTokenCount: positive(score.firstTokenMs.count) ?? 0,
    tokensPerSecond: positive(score.tokensPerSecond.p50),
    tokensPerSecondCount: positive(score.tokensPerSecond.count) ?? 0,
    success: ratio(score.success),
    uptime: ratio(score.uptime),
    successes: positive(score.successes) ?? 0,
    failures: positive(score.failures) ?? 0,
  };
}

function forecastOf(
  endpoint: Endpoint,
  own: Figures,
  peers: Peers,
  score: EndpointScore | undefined,
): Forecast {
  const firstTokenP50Ms = shrink(own.firstTokenP50, own.firstTokenCount, peers.firstTokenP50);
  const firstTokenP95Ms = shrink(own.firstTokenP95, own.firstTokenCount, peers.firstTokenP95);
  const results = own.successes + own.failures;
  return {
    endpoint,
    prediction: {
      firstTokenP50Ms,
      firstTokenP95Ms: Math.max(firstTokenP50Ms, firstTokenP95Ms),
      tokensPerSecond: shrink(own.tokensPerSecond, own.tokensPerSecondCount, peers.tokensPerSecond),
      measured: own.firstTokenP50 !== undefined,
    },
    // Uptime also comes from events that are not our traffic, so it is the better prior where it is known.
    success:
      (own.successes + PRIOR_SAMPLES * (own.uptime ?? peers.success)) / (results + PRIOR_SAMPLES),
    degraded: score?.degraded ?? false,
    known: results >= KNOWN_RESULTS,
    hash: hashOf(endpoint.id),
  };
}

function shrink(own: number | undefined, count: number, { typical, cold }: Prior): number {
  return own === undefined
    ? cold
    : Math.exp(
        (count * Math.log(own) + PRIOR_SAMPLES * Math.log(typical)) / (count + PRIOR_SAMPLES),
      );
}

function priorOf(
  figures: readonly Figures[],
  name: "firstTokenP50" | "firstTokenP95" | "tokensPerSecond" | "success",
  otherwise: number,
  coldQuantile: number,
): Prior {
  const known = figures.flatMap((own) => own[name] ?? []).sort((left, right) => left - right);
  return {
    typical: quantile(known, 0.5) ?? otherwise,
    cold: quantile(known, coldQuantile) ?? otherwise,
  };
}

/** Between neighbours in proportion; `undefined` for an empty list. */
function quantile(ascending: readonly number[], at: number): number | undefined {
  const position = (ascending.length - 1) * at;
  const below = ascending[Math.floor(position)];
  const above = ascending[Math.ceil(position)];
  return below === undefined || above === undefined
    ? undefined
    : below + (above - below) * (position - Math.floor(position));
}

/** The value if it can be a figure or a count at all. */
function positive(value: number | undefined): number | undefined {
  return value !== undefined && value >= MIN_FIGURE && value <= MAX_FIGURE ? value : undefined;
}

function ratio(value: number | undefined): number | undefined {
  return value !== undefined && value >= 0 && value <= 1 ? value : undefined;
}
