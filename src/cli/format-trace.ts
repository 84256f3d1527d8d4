import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { RecordedCall } from "../../gen/atlas/v1/insight_service_pb.ts";
import { RelaxationSchema } from "../../gen/atlas/v1/routing_pb.ts";
import { type Attempt, type Cost, TierSchema } from "../../gen/atlas/v1/types_pb.ts";
import { wordOf } from "./enum-words.ts";
import { exactMs } from "./exact-time.ts";
import { ABSENT, formatDuration, formatNumberOf, formatPercent, formatUsd } from "./figures.ts";
import { formatFailure } from "./format-answer.ts";
import { formatTimings, timePartsOf } from "./format-timings.ts";
import { formatUsage } from "./format-usage.ts";
import { formatWaterfall } from "./format-waterfall.ts";
import { printableLine } from "./printable-text.ts";
import { type Layout, renderFacts } from "./text-table.ts";

type Fact = readonly [label: string, value: string];

/** One call: what came of it, its waterfall, every failure in full, and why it went where it went. */
export function formatTrace(
  call: RecordedCall,
  otherCallIds: readonly string[],
  layout: Layout,
): string {
  const facts = (list: readonly Fact[]) =>
    renderFacts(
      list.filter(([, value]) => value !== ""),
      layout,
    );
  const sections = [
    facts(callFacts(call)),
    formatWaterfall(call, layout),
    call.attempts
      .filter(({ failure }) => failure !== 0)
      .map(failureLine)
      .join(""),
    facts([...timeFacts(call), ...costFacts(call), ...routeFacts(call)]),
    facts(traceFacts(call, otherCallIds)),
  ];
  return sections.filter((section) => section !== "").join("\n");
}

function callFacts(call: RecordedCall): readonly Fact[] {
  const { receiveTime, application, labels, attempts } = call;
  const at =
    receiveTime === undefined
      ? ""
      : `${timestampDate(receiveTime).toISOString().replace("T", " ").replace("Z", "")} UTC`;
  const tier = call.tier === 0 ? "" : wordOf(TierSchema, call.tier);
  const served = attempts.at(-1)?.model ?? "";
  const model = served === "" || served === call.model ? call.model : `${call.model} (${served})`;
  const caller = [application, ...Object.entries(labels).map(([key, value]) => `${key}=${value}`)];
  return [
    ["Call", call.id],
    ["Asked", listOf([model, tier, call.operation, call.streaming ? "streamed" : "whole answer"])],
    ["Received", at],
    ["Caller", listOf(caller)],
    ["Ended", endOf(call)],
  ];
}

function endOf({ status, errorReason, errorMessage, partial, attempts }: RecordedCall): string {
  if (errorReason === "") {
    const endpoint = attempts.at(-1)?.endpoint ?? ABSENT;
    return attempts.length > 1
      ? `ok by ${endpoint} after ${formatNumberOf(attempts.length - 1, "failed attempt")}`
      : `ok by ${endpoint}`;
  }
  const told = `${status} (${errorReason}): ${errorMessage}`;
  const unasked = attempts.length === 0 ? "; no endpoint was asked" : "";
  return `${told}${partial ? "; part of the answer had been sent" : ""}${unasked}`;
}

function failureLine(attempt: Attempt): string {
  const { number, upstreamRequestId } = attempt;
  const request = upstreamRequestId === "" ? "" : `, request ${upstreamRequestId}`;
  return `${printableLine(`${number} ${formatFailure(attempt)}${request}`)}\n`;
}

/** The sum, what the most of it was, and how it compares with what was expected. */
function timeFacts({ timings, attempts, route }: RecordedCall): readonly Fact[] {
  if (timings === undefined) {
    return [];
  }
  const last = attempts.at(-1);
  const rate = timings.outputTokensPerSecond;
  const speed = [
    last?.firstToken === undefined ? "" : `first token ${formatDuration(last.firstToken)}`,
    rate > 0 ? `then ${rate.toFixed(0)} tok/s` : "",
    route?.predictedFirstToken === undefined
      ? ""
      : `expected ${formatDuration(route.predictedFirstToken)}, whole answer ${formatDuration(route.predictedTotal)}`,
  ];
  const mostly: Fact = ["Mostly", biggestPart(timePartsOf(timings))];
  return [
    ["Time", formatTimings(timings)],
    ...(exactMs(timings.total) === 0 ? [] : [mostly]),
    ["Speed", listOf(speed)],
  ];
}

function biggestPart(parts: ReturnType<typeof timePartsOf>): string {
  const total = parts.reduce((sum, { ms }) => sum + ms, 0);
  const [biggest] = parts.toSorted((left, right) => right.ms - left.ms);
  return biggest === undefined || total === 0
    ? ""
    : `${biggest.name}, ${formatPercent(biggest.ms / total, 0)} of the time`;
}

function costFacts({ usage, cost, route, attempts }: RecordedCall): readonly Fact[] {
  if (cost === undefined) {
    return [];
  }
  const estimated = route?.estimatedCost?.totalNanoUsd;
  const price =
    cost.totalNanoUsd === undefined
      ? `${ABSENT} a price is unknown`
      : formatUsd(cost.totalNanoUsd) + partsOfCost(cost);
  const expected = estimated === undefined ? "" : `expected ${formatUsd(estimated)}`;
  return [
    ["Cost", listOf([price, expected])],
    ["Tokens", usage === undefined ? "" : formatUsage(usage)],
    ["Given up", attempts.flatMap(givenUpOf).join("; ")],
  ];
}

/** What an attempt is billed although another one followed. It is in no sum, and nobody has confirmed it. */
function givenUpOf({ number, givenUpCost, givenUpUsage }: Attempt): readonly string[] {
  if (givenUpCost === undefined) {
    return [];
  }
  const { totalNanoUsd } = givenUpCost;
  const cost = totalNanoUsd === undefined ? "an unknown cost" : formatUsd(totalNanoUsd);
  const tokens = givenUpUsage === undefined ? "" : ` for ${formatUsage(givenUpUsage)}`;
  return [`attempt ${number}: ${cost}${tokens}; not confirmed, and beside the cost above`];
}

/** ` = input $0.01 + output $0.02`; empty when nothing was owed. */
function partsOfCost({ inputNanoUsd, outputNanoUsd, cacheNanoUsd, requestNanoUsd }: Cost): string {
  const parts: readonly (readonly [string, bigint])[] = [
    ["input", inputNanoUsd],
    ["output", outputNanoUsd],
    ["cache", cacheNanoUsd],
    ["fees", requestNanoUsd],
  ];
  const owed = parts.filter(([, nanoUsd]) => nanoUsd > 0n);
  return owed.length === 0
    ? ""
    : ` = ${owed.map(([name, nanoUsd]) => `${name} ${formatUsd(nanoUsd)}`).join(" + ")}`;
}

function routeFacts({ route, attempts, upstreamModel }: RecordedCall): readonly Fact[] {
  if (route === undefined) {
    return [];
  }
  const dropped = attempts.at(-1)?.droppedParameters ?? [];
  const age = route.scoreAge === undefined ? "" : `, ${formatDuration(route.scoreAge)} old`;
  const version = route.estimatedCost?.priceVersion ?? "";
  const prices = version === "" ? "" : `prices ${version}`;
  const scores = route.scoreRevision === 0n ? "no scores" : `scores ${route.scoreRevision}${age}`;
  return [
    ["Chosen", route.endpoint],
    ["Because", route.explanation],
    ["Fallbacks", route.fallbacks.join(", ")],
    ["Relaxed", route.relaxations.map((it) => wordOf(RelaxationSchema, it)).join(", ")],
    ["Left out", dropped.join(", ")],
    ["Read", listOf([`catalogue ${route.catalogRevision}`, prices, scores])],
    ["Answered by", upstreamModel],
  ];
}

function traceFacts(
  { traceId, spansKept }: RecordedCall,
  others: readonly string[],
): readonly Fact[] {
  const spans = spansKept ? "spans were made of it" : "not sampled: no spans were made of it";
  return [
    ["Trace", `${traceId} (${spans})`],
    ["Same trace", others.join(", ")],
  ];
}

function listOf(texts: readonly string[]): string {
  return texts.filter((text) => text !== "").join(", ");
}
