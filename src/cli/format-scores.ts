import { timestampMs } from "@bufbuild/protobuf/wkt";
import { EndpointHealth_StateSchema } from "../../gen/atlas/v1/catalog_service_pb.ts";
import type { EndpointScore, ScoreSnapshot } from "../../gen/atlas/v1/scoring_service_pb.ts";
import { wordOf } from "./enum-words.ts";
import {
  ABSENT,
  formatCount,
  formatMs,
  formatNumberOf,
  formatPair,
  formatPercent,
} from "./figures.ts";
import { printableLine } from "./printable-text.ts";
import { type Column, type Layout, renderTable } from "./text-table.ts";

const columns: readonly Column[] = [
  { title: "endpoint", flexible: true, distinct: true },
  { title: "state" },
  { title: "first token p50 / p95", align: "right" },
  { title: "throughput p50 / p95", align: "right" },
  { title: "uptime", align: "right" },
  { title: "success", align: "right" },
  { title: "calls", align: "right" },
  { title: "last 30 s", align: "right" },
];

/** A table of all endpoints, why some are not healthy, and how old the scores are. */
export function formatScores(
  snapshot: ScoreSnapshot,
  layout: Layout & { readonly nowMs: number },
): string {
  const { scores, windowEndTime } = snapshot;
  const notes = scores
    .filter(({ reason }) => reason !== "")
    .map(({ endpoint, reason }) => `${printableLine(`${endpoint}: ${reason}`)}\n`);
  const ageMs = windowEndTime && layout.nowMs - timestampMs(windowEndTime);
  const age =
    ageMs === undefined ? "nothing was published yet" : `${formatMs(Math.max(0, ageMs))} old`;
  const about = `revision ${formatCount(snapshot.revision)}, ${age}, ${formatNumberOf(scores.length, "endpoint")}`;
  const table = scores.length === 0 ? "" : `${renderTable(columns, scores.map(rowOf), layout)}\n`;
  return `${table}${notes.join("")}${about}\n`;
}

/** The same figures on one line. */
export function formatScoreLine(score: EndpointScore): string {
  const [endpoint = "", state = "", firstToken, throughput, uptime, success, , recent] =
    rowOf(score);
  const figures = `first token ${firstToken}, throughput ${throughput}, uptime ${uptime}, success ${success}, last 30 s ${recent}`;
  const reason = score.reason === "" ? "" : ` (${score.reason})`;
  return printableLine(`${endpoint} ${state}${reason}: ${figures}`);
}

function recentOf(
  score: Pick<EndpointScore, "recentSuccesses" | "recentFailures" | "recentFirstTokenMs">,
): string {
  const { recentSuccesses, recentFailures, recentFirstTokenMs } = score;
  const results = `${formatCount(recentSuccesses)} ok, ${formatCount(recentFailures)} failed`;
  return recentFirstTokenMs === undefined
    ? results
    : `${results}, first token ${formatMs(recentFirstTokenMs)}`;
}

function rowOf({ endpoint, state, stats, ...recent }: EndpointScore): readonly string[] {
  return [
    endpoint,
    state === 0 ? ABSENT : wordOf(EndpointHealth_StateSchema, state),
    formatPair(stats?.latencyMsP50, stats?.latencyMsP95, "ms"),
    formatPair(stats?.outputTokensPerSecondP50, stats?.outputTokensPerSecondP95, "tok/s"),
    formatPercent(stats?.uptime, 2),
    formatPercent(stats?.success, 1),
    formatCount(stats?.sampleCount ?? 0n),
    recentOf(recent),
  ];
}
