import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { GetSpendResponse, SpendSums } from "../../gen/atlas/v1/insight_service_pb.ts";
import type { Usage } from "../../gen/atlas/v1/types_pb.ts";
import { ABSENT, formatCount, formatNumberOf, formatShare, formatUsd } from "./figures.ts";
import { type Column, type Layout, renderTable } from "./text-table.ts";

type SpendLayout = Layout & {
  /** As it was asked. */
  readonly groupBy: readonly string[];
  readonly hours: number;
};

const figures: readonly Column[] = [
  { title: "calls", align: "right" },
  { title: "failed", align: "right" },
  { title: "input tokens", align: "right" },
  { title: "output tokens", align: "right" },
  { title: "cost", align: "right" },
  { title: "share", align: "right" },
];

/** Shown only when there is something in it. */
const givenUpColumn: Column = { title: "given up", align: "right" };

/** Sums by group, what is not told apart, the total, and what the sums are about. */
export function formatSpend(response: GetSpendResponse, layout: SpendLayout): string {
  const { rows, total, keptHours } = response;
  if (keptHours === 0) {
    return "this router sums up nothing: telemetry.spend.hours is 0\n";
  }
  if (total === undefined || total.callCount === 0n) {
    return `no calls${aboutTime(response)}\n`;
  }
  const lines = [
    ...rows.map(({ values, sums }) => [
      ...values.map((value) => (value === "" ? ABSENT : value)),
      ...figuresOf(sums, total),
    ]),
    ...closingRows(response, total, layout.groupBy.length),
  ];
  const columns = [
    ...layout.groupBy.map((title) => ({ title, flexible: true, distinct: true })),
    ...(layout.groupBy.length === 0 ? [{ title: "" }] : []),
    ...figures,
    ...(total.givenUpAttemptCount > 0n ? [givenUpColumn] : []),
  ];
  const shown = layout.groupBy.length === 0 ? lines.slice(rows.length) : lines;
  return `${renderTable(columns, shown, layout)}\n${notesOn(response, total, layout).join("\n")}\n`;
}

/** What the rows leave over, and everything together. */
function closingRows(
  { rest, restGroupCount, other }: GetSpendResponse,
  total: SpendSums,
  dimensions: number,
): readonly (readonly string[])[] {
  const named = (name: string) => [name, ...Array<string>(Math.max(0, dimensions - 1)).fill("")];
  const lines: (readonly string[])[] = [];
  if (restGroupCount > 0) {
    lines.push([...named(`(${formatCount(restGroupCount)} more)`), ...figuresOf(rest, total)]);
  }
  if (other !== undefined && other.callCount > 0n) {
    lines.push([...named("(not told apart)"), ...figuresOf(other, total)]);
  }
  return [...lines, [...named("total"), ...figuresOf(total, total)]];
}

function figuresOf(sums: SpendSums | undefined, total: SpendSums): readonly string[] {
  if (sums === undefined) {
    return figures.map(() => ABSENT);
  }
  const unpriced = sums.callCount > 0n && sums.unpricedCallCount === sums.callCount;
  const cost = sums.cost?.totalNanoUsd ?? 0n;
  const all = total.cost?.totalNanoUsd ?? 0n;
  const { input, output } = tokensOf(sums.usage, sums.unpricedUsage);
  return [
    formatCount(sums.callCount),
    formatCount(sums.failedCallCount),
    formatCount(input),
    formatCount(output),
    unpriced ? ABSENT : formatUsd(cost),
    unpriced || all === 0n ? ABSENT : formatShare(Number(cost) / Number(all)),
    ...(total.givenUpAttemptCount > 0n ? [givenUpOf(sums)] : []),
  ];
}

function givenUpOf(sums: SpendSums): string {
  const { givenUpAttemptCount, unknownGivenUpAttemptCount, givenUpNanoUsd } = sums;
  const isUnknown = givenUpAttemptCount > 0n && unknownGivenUpAttemptCount === givenUpAttemptCount;
  return isUnknown ? ABSENT : formatUsd(givenUpNanoUsd);
}

function tokensOf(...usages: readonly (Usage | undefined)[]) {
  let [input, output] = [0n, 0n];
  for (const usage of usages) {
    if (usage !== undefined) {
      input += usage.freshInputTokens + usage.cacheReadInputTokens + usage.cacheWriteInputTokens;
      output += usage.visibleOutputTokens + usage.reasoningOutputTokens;
    }
  }
  return { input, output };
}

function notesOn(
  response: GetSpendResponse,
  total: SpendSums,
  { hours }: SpendLayout,
): readonly string[] {
  const { unpricedCallCount, unpricedUsage } = total;
  const { input, output } = tokensOf(unpricedUsage);
  const unpriced =
    `${formatNumberOf(unpricedCallCount, "call")} of unknown price, with ${formatCount(input)} input and ` +
    `${formatCount(output)} output tokens: what they cost is in no sum`;
  const cut = `hours beyond ${response.keptHours} are not kept: telemetry.spend.hours`;
  return [
    `this replica${aboutTime(response)}${pricesOf(total)}`,
    ...(unpricedCallCount > 0n ? [unpriced] : []),
    ...givenUpNote(total),
    ...(hours > response.keptHours ? [cut] : []),
  ];
}

function givenUpNote(total: SpendSums): readonly string[] {
  const { givenUpAttemptCount: all, unknownGivenUpAttemptCount: unknown, givenUpNanoUsd } = total;
  if (all === 0n) {
    return [];
  }
  const cost = unknown === all ? "" : `, for ${formatUsd(givenUpNanoUsd)}`;
  const rest = unknown === 0n ? "" : `, ${formatCount(unknown)} of them of unknown cost`;
  return [
    `${formatNumberOf(all, "attempt")} given up after the answer began${cost}${rest}: beside the costs above`,
  ];
}

function aboutTime({ startTime, sinceTime }: GetSpendResponse): string {
  if (startTime === undefined) {
    return "";
  }
  const startMs = timestampMs(startTime);
  const isStart = sinceTime !== undefined && timestampMs(sinceTime) >= startMs;
  return ` since ${formatMinute(startMs)} UTC${isStart ? ", when it started" : ""}`;
}

/** `2026-11-22 22:30` */
function formatMinute(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 16).replace("T", " ");
}

/** Of a router that tells no versions: empty. More than eight it does not tell. */
function pricesOf({ priceVersions }: SpendSums): string {
  const more = priceVersions.length < MAX_PRICE_VERSIONS ? "" : " and perhaps others";
  return priceVersions.length === 0 ? "" : `, at prices ${priceVersions.join(", ")}${more}`;
}

const MAX_PRICE_VERSIONS = 8;
