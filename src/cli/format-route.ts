import type { RouteResponse } from "../../gen/atlas/v1/router_service_pb.ts";
import {
  type Candidate,
  GateState,
  GateStateSchema,
  PrioritySchema,
  RejectionReasonSchema,
  RelaxationSchema,
  type RouteDecision,
  type RoutingPolicy,
} from "../../gen/atlas/v1/routing_pb.ts";
import { QuantizationSchema, TierSchema } from "../../gen/atlas/v1/types_pb.ts";
import { wordOf } from "./enum-words.ts";
import {
  ABSENT,
  formatDuration,
  formatNumberOf,
  formatPair,
  formatPercent,
  formatShare,
  formatUsd,
} from "./figures.ts";
import { formatWeights } from "./format-weights.ts";
import { printableLine } from "./printable-text.ts";
import { type Column, type Layout, renderFacts, renderTable } from "./text-table.ts";

type Fact = readonly [label: string, value: string];

/** A plan as text: the decision, every candidate, every reason against one, the policy applied. */
export function formatRoute(response: RouteResponse, layout: Layout): string {
  const { decision, candidates, effectivePolicy } = response;
  const policy = effectivePolicy === undefined ? [] : policyFacts(effectivePolicy);
  const sections = [
    decision === undefined ? "" : renderFacts(decisionFacts(decision, candidates), layout),
    candidates.length === 0 ? "" : candidateTable(candidates, layout),
    rejectionLines(candidates),
    policy.length === 0
      ? ""
      : `${layout.paint.bold("Policy")}  ${printableLine(policy.join(", "))}\n`,
  ];
  return sections.filter((section) => section !== "").join("\n");
}

function decisionFacts(decision: RouteDecision, candidates: readonly Candidate[]): readonly Fact[] {
  const facts: Fact[] = [
    ["Endpoint", endpointOf(decision, candidates)],
    ["Model", decision.model],
    ["Tier", tierOf(decision)],
    ["Because", decision.explanation],
    ["Fallbacks", decision.fallbacks.join(", ")],
    ["Estimated", estimateOf(decision)],
    ["Predicted", predictionOf(decision)],
    ["Relaxed", decision.relaxations.map((it) => wordOf(RelaxationSchema, it)).join(", ")],
    ["Left out", decision.droppedParameters.join(", ")],
    ["Read", revisionsOf(decision)],
    ["Decision", decision.decisionId],
  ];
  return facts.filter(([, value]) => value !== "");
}

function endpointOf(decision: RouteDecision, candidates: readonly Candidate[]): string {
  const { endpoint, provider, quantization } = decision;
  if (endpoint === "") {
    return `${ABSENT} nothing is eligible`;
  }
  const candidate = candidates.find((it) => it.endpoint === endpoint);
  const weights =
    candidate === undefined ? wordOf(QuantizationSchema, quantization) : formatWeights(candidate);
  return `${endpoint} (${provider}, ${weights})`;
}

function tierOf({ tier, operation }: RouteDecision): string {
  const word = wordOf(TierSchema, tier);
  return operation === "" ? word : `${word}, gates of ${operation}`;
}

/** Empty when nothing was estimated: no prompt that is planned for has no tokens. */
function estimateOf({ estimatedCost, estimatedInputTokens }: RouteDecision): string {
  const tokens =
    estimatedInputTokens === 0n ? "" : formatNumberOf(estimatedInputTokens, "input token");
  const total = estimatedCost?.totalNanoUsd;
  if (total === undefined) {
    return tokens;
  }
  return tokens === "" ? formatUsd(total) : `${formatUsd(total)} for ${tokens} and the answer`;
}

function predictionOf({ predictedFirstToken, predictedTotal }: RouteDecision): string {
  return predictedFirstToken === undefined && predictedTotal === undefined
    ? ""
    : `first token ${formatDuration(predictedFirstToken)}, whole answer ${formatDuration(predictedTotal)}`;
}

function revisionsOf({ catalogRevision, scoreRevision, scoreAge }: RouteDecision): string {
  const scores =
    scoreRevision === 0n
      ? "no scores"
      : `scores ${scoreRevision}${scoreAge === undefined ? "" : `, ${formatDuration(scoreAge)} old`}`;
  return `catalogue ${catalogRevision}, ${scores}`;
}

/** Marks an endpoint with too little telemetry to be ranked by it. */
const COLD_MARK = " (cold)";

const candidateColumns: readonly Column[] = [
  { title: "candidate", flexible: true, distinct: true, ending: COLD_MARK },
  { title: "precision" },
  { title: "gate" },
  { title: "band", align: "right" },
  { title: "share", align: "right" },
  { title: "cost", align: "right" },
  { title: "first token p50 / p95", align: "right" },
  { title: "tok/s", align: "right" },
  { title: "success", align: "right" },
  { title: "against it", flexible: true },
];

function candidateTable(candidates: readonly Candidate[], layout: Layout): string {
  return renderTable(candidateColumns, candidates.map(candidateRow), layout);
}

function candidateRow(candidate: Candidate): readonly string[] {
  const { endpoint, eligible, gate, band, share, estimatedCost, cold, terms } = candidate;
  return [
    cold ? endpoint + COLD_MARK : endpoint,
    formatWeights(candidate),
    gate === GateState.UNSPECIFIED ? ABSENT : wordOf(GateStateSchema, gate),
    eligible ? band.toFixed(0) : ABSENT,
    eligible ? formatShare(share) : ABSENT,
    formatUsd(estimatedCost?.totalNanoUsd),
    formatPair(terms["first_token_p50_ms"], terms["first_token_p95_ms"], "ms"),
    terms["tokens_per_second"]?.toFixed(0) ?? ABSENT,
    formatPercent(terms["success"], 1),
    candidate.rejections.map(({ reason }) => wordOf(RejectionReasonSchema, reason)).join(", "),
  ];
}

function rejectionLines(candidates: readonly Candidate[]): string {
  return candidates
    .flatMap(({ endpoint, rejections }) =>
      rejections.map(({ reason, detail, soft }) => {
        const word = wordOf(RejectionReasonSchema, reason);
        const strength = soft ? ", overruled when nothing else is left" : "";
        return `${endpoint}: ${word}${detail === "" ? "" : ` (${detail})`}${strength}`;
      }),
    )
    .map((line) => `${printableLine(line)}\n`)
    .join("");
}

/** What the policy asks for beyond its silent defaults. */
function policyFacts(policy: RoutingPolicy): readonly string[] {
  const { weights, priority, maxAttempts, allowHedging } = policy;
  const quantizations = policy.quantizations.map((it) => wordOf(QuantizationSchema, it));
  const facts: readonly (readonly [applies: boolean, text: string])[] = [
    [true, `tier ${wordOf(TierSchema, policy.tier)}`],
    [policy.operation !== "", `operation ${policy.operation}`],
    listFact("fallback models", policy.fallbackModels),
    listFact("only", policy.onlyProviders),
    listFact("ignore", policy.ignoreProviders),
    listFact("formats", quantizations),
    listFact("regions", policy.regions),
    priceFact("at most", policy.maxInputNanoUsdPerMtok, "per 1M in"),
    priceFact("at most", policy.maxOutputNanoUsdPerMtok, "per 1M out"),
    priceFact("at most", policy.maxCostNanoUsd, "in all"),
    [policy.requireAllParameters, "all parameters required"],
    [policy.zeroDataRetention, "zero data retention"],
    [policy.disableFallbacks, "no fallbacks"],
    listFact("prefer", policy.providerOrder),
    [
      policy.preferredMaxFirstToken !== undefined,
      `prefer a first token within ${formatDuration(policy.preferredMaxFirstToken)}`,
    ],
    [
      policy.preferredMinOutputTokensPerSecond !== undefined,
      `prefer ${policy.preferredMinOutputTokensPerSecond} tok/s`,
    ],
    ...(["cost", "latency", "throughput", "reliability"] as const).map((name) => {
      const weight = weights?.[name];
      return [weight !== undefined, `weight of ${name} ${weight}`] as const;
    }),
    [policy.sessionAffinityKey !== "", "session affinity"],
    [maxAttempts !== undefined, `at most ${formatNumberOf(maxAttempts ?? 0, "attempt")}`],
    [allowHedging !== undefined, allowHedging === true ? "hedging allowed" : "no hedging"],
    [priority !== 0, `priority ${wordOf(PrioritySchema, priority)}`],
  ];
  return facts.filter(([applies]) => applies).map(([, text]) => text);
}

function listFact(label: string, values: readonly string[]): readonly [boolean, string] {
  return [values.length > 0, `${label} ${values.join(" ")}`];
}

function priceFact(
  label: string,
  nanoUsd: bigint | undefined,
  unit: string,
): readonly [boolean, string] {
  return [nanoUsd !== undefined, `${label} ${formatUsd(nanoUsd)} ${unit}`];
}
