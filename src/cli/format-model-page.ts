import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  BenchmarkScore_Benchmark,
  type Endpoint,
  EndpointHealth_BreakerSchema,
  EndpointHealth_State,
  EndpointHealth_StateSchema,
  type GetModelResponse,
  type Intelligence,
  Intelligence_Kind,
  Intelligence_KindSchema,
  type Model,
} from "../../gen/atlas/v1/catalog_service_pb.ts";
import { GateState, GateStateSchema } from "../../gen/atlas/v1/routing_pb.ts";
import { TierSchema } from "../../gen/atlas/v1/types_pb.ts";
import { wordOf } from "./enum-words.ts";
import {
  ABSENT,
  formatCount,
  formatMs,
  formatNanoUsd,
  formatPair,
  formatPercent,
  formatUsd,
} from "./figures.ts";
import { formatWeights } from "./format-weights.ts";
import { printableLine } from "./printable-text.ts";
import { type Column, type Layout, renderFacts, renderTable } from "./text-table.ts";

/** A model's page as text: what it is, each endpoint's last 30 minutes, where each tier would go. */
export function formatModelPage(
  page: GetModelResponse,
  layout: Layout & { readonly nowMs: number },
): string {
  const { model, endpoints } = page;
  const labels = providerLabels(endpoints);
  const sections = [
    model === undefined ? "" : `${titleOf(model, layout)}\n`,
    renderFacts(factsOf(page), layout),
    endpoints.length === 0
      ? "No endpoint serves this model.\n"
      : renderTable(
          endpointColumns,
          endpoints.map((endpoint) => endpointRow(endpoint, labels)),
          layout,
        ),
    notesOf(endpoints, layout.nowMs),
    tierRoutesOf(page, layout),
  ];
  return sections.filter((section) => section !== "").join("\n");
}

/** Kind, score and what it rests on, in one line. */
export function formatIntelligence(intelligence: Intelligence | undefined): string {
  if (intelligence === undefined) {
    return ABSENT;
  }
  const { kind, score, benchmarks, reasons } = intelligence;
  const grounds =
    kind === Intelligence_Kind.COMPOSITE
      ? benchmarks.map(({ benchmark, suite, score }) => {
          const name = benchmarkNames[benchmark] ?? suite;
          const source = suite === "" || suite === name ? "" : ` (${suite})`;
          return `${name} ${score.toFixed(1)}${source}`;
        })
      : reasons;
  const head = `${score.toFixed(1)} ${wordOf(Intelligence_KindSchema, kind)}`;
  return grounds.length === 0 ? head : `${head}: ${grounds.join(", ")}`;
}

const benchmarkNames: Readonly<Partial<Record<number, string>>> = {
  [BenchmarkScore_Benchmark.MMLU_PRO]: "MMLU-Pro",
  [BenchmarkScore_Benchmark.CODE]: "code pass@1",
  [BenchmarkScore_Benchmark.MATH]: "math",
  [BenchmarkScore_Benchmark.GPQA_DIAMOND]: "GPQA Diamond",
};

/** Marks an endpoint whose figures say nothing about its real provider. */
const SIMULATED_MARK = "*";

const endpointColumns: readonly Column[] = [
  { title: "provider", flexible: true, distinct: true, ending: ` ${SIMULATED_MARK}` },
  { title: "precision" },
  { title: "in $/1M", align: "right" },
  { title: "out $/1M", align: "right" },
  { title: "latency p50 / p95", align: "right" },
  { title: "throughput p50 / p95", align: "right" },
  { title: "uptime 30m", align: "right" },
  { title: "success", align: "right" },
];

function endpointRow(endpoint: Endpoint, labels: ReadonlyMap<string, string>): readonly string[] {
  const { id, stats, pricing, simulated } = endpoint;
  const label = labels.get(id) ?? id;
  return [
    simulated ? `${label} ${SIMULATED_MARK}` : label,
    formatWeights(endpoint),
    formatNanoUsd(pricing?.inputNanoUsdPerMtok),
    formatNanoUsd(pricing?.outputNanoUsdPerMtok),
    formatPair(stats?.latencyMsP50, stats?.latencyMsP95, "ms"),
    formatPair(stats?.outputTokensPerSecondP50, stats?.outputTokensPerSecondP95, "tok/s"),
    formatPercent(stats?.uptime, 2),
    formatPercent(stats?.success, 1),
  ];
}

/**
 * What each endpoint is called, by its id: its provider, and where that one has several, what differs
 * between them: the region when each has its own, otherwise the id.
 */
function providerLabels(endpoints: readonly Endpoint[]): ReadonlyMap<string, string> {
  const byProvider = Map.groupBy(endpoints, providerOf);
  return new Map(
    endpoints.map((endpoint) => {
      const provider = providerOf(endpoint);
      const others = byProvider.get(provider) ?? [];
      return [
        endpoint.id,
        others.length < 2 ? provider : `${provider} (${differenceOf(endpoint, others)})`,
      ];
    }),
  );
}

function differenceOf(endpoint: Endpoint, ofSameProvider: readonly Endpoint[]): string {
  const regions = new Set(ofSameProvider.map(regionsOf));
  return regions.size === ofSameProvider.length && !regions.has("")
    ? regionsOf(endpoint)
    : endpoint.id;
}

function regionsOf({ regions }: Endpoint): string {
  return regions.join(" ");
}

function providerOf({ providerDisplayName, provider }: Endpoint): string {
  return providerDisplayName || provider || "(name not shown)";
}

function titleOf({ displayName, id }: Model, { paint }: Layout): string {
  const name = printableLine(displayName || id);
  return displayName === "" ? paint.bold(name) : `${paint.bold(name)}  ${printableLine(id)}`;
}

function factsOf(page: GetModelResponse): (readonly [string, string])[] {
  const { model } = page;
  const facts: (readonly [string, string])[] = [
    ["Cheapest provider", cheapestOf(page)],
    ["Fastest by throughput p95", fastestOf(page)],
    ["Intelligence", formatIntelligence(model?.intelligence)],
  ];
  if (model !== undefined && model.contextLength > 0) {
    const output = model.maxOutputTokens > 0 ? `, ${formatCount(model.maxOutputTokens)} out` : "";
    facts.push(["Context", `${formatCount(model.contextLength)} tokens${output}`]);
  }
  if (model?.deprecateTime !== undefined) {
    const day = new Date(timestampMs(model.deprecateTime)).toISOString().slice(0, 10);
    facts.push(["Withdrawn by its owner", day]);
  }
  return facts;
}

function cheapestOf({ endpoints, cheapestEndpoint }: GetModelResponse): string {
  const cheapest = endpoints.find(({ id }) => id === cheapestEndpoint);
  const price = cheapest?.pricing?.inputNanoUsdPerMtok;
  return cheapest === undefined || price === undefined
    ? ABSENT
    : `${providerOf(cheapest)}, ${formatUsd(price)} per 1M input tokens`;
}

function fastestOf({ endpoints, fastestEndpoint }: GetModelResponse): string {
  const fastest = endpoints.find(({ id }) => id === fastestEndpoint);
  const rate = fastest?.stats?.outputTokensPerSecondP95;
  return fastest === undefined || rate === undefined
    ? ABSENT
    : `${providerOf(fastest)}, ${rate.toFixed(0)} tok/s`;
}

function notesOf(endpoints: readonly Endpoint[], nowMs: number): string {
  const lines = endpoints.flatMap((endpoint) => healthNote(endpoint, nowMs));
  if (endpoints.some(({ simulated }) => simulated)) {
    lines.push(`${SIMULATED_MARK} answered by the built-in simulated fleet, not by the provider`);
  }
  return lines.map((line) => `${printableLine(line)}\n`).join("");
}

function healthNote({ id, health }: Endpoint, nowMs: number): readonly string[] {
  if (
    health === undefined ||
    health.state === EndpointHealth_State.HEALTHY ||
    health.state === EndpointHealth_State.UNSPECIFIED
  ) {
    return [];
  }
  const state = wordOf(EndpointHealth_StateSchema, health.state);
  const breaker = wordOf(EndpointHealth_BreakerSchema, health.breaker);
  const waitMs = health.retryTime === undefined ? 0 : timestampMs(health.retryTime) - nowMs;
  return [
    `${id} is ${state}: ${health.reason || `breaker ${breaker}`}` +
      (waitMs > 0 ? `, tried again in ${formatMs(waitMs)}` : ""),
  ];
}

const tierColumns: readonly Column[] = [
  { title: "tier" },
  { title: "goes to" },
  { title: "gate" },
  { title: "because", flexible: true },
];

function tierRoutesOf({ tierRoutes }: GetModelResponse, layout: Layout): string {
  if (tierRoutes.length === 0) {
    return "";
  }
  const rows = tierRoutes.map(({ tier, endpoint, gate, reason }) => [
    wordOf(TierSchema, tier),
    endpoint || ABSENT,
    gate === GateState.UNSPECIFIED ? ABSENT : wordOf(GateStateSchema, gate),
    reason,
  ]);
  return renderTable(tierColumns, rows, layout);
}
