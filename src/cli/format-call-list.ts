import type { ListCallsResponse, RecordedCall } from "../../gen/atlas/v1/insight_service_pb.ts";
import type { Attempt } from "../../gen/atlas/v1/types_pb.ts";
import { exactMs } from "./exact-time.ts";
import {
  ABSENT,
  formatCount,
  formatDuration,
  formatMs,
  formatNumberOf,
  formatUsd,
} from "./figures.ts";
import { type Column, type Layout, renderTable } from "./text-table.ts";

const columns: readonly Column[] = [
  { title: "call" },
  { title: "ago", align: "right" },
  { title: "total", align: "right" },
  { title: "first token", align: "right" },
  { title: "model", flexible: true },
  { title: "endpoint", flexible: true },
  { title: "attempts", align: "right" },
  { title: "cost", align: "right" },
  { title: "ended", flexible: true },
];

/** As long as two calls of a table rarely begin alike, and short enough to type. */
const SHORT_ID_CHARS = 8;

/** Candidates for a closer look, and what they were chosen from. */
export function formatCallList(
  response: ListCallsResponse,
  layout: Layout & { readonly nowMs: number },
): string {
  const { calls, matchedCount, capacity, slowThreshold } = response;
  if (capacity === 0) {
    return "this router remembers no calls: telemetry.calls.recent is 0\n";
  }
  const memory =
    `the newest ${formatNumberOf(capacity, "call")} of this replica are remembered, and beyond them ` +
    `those that took more than ${formatDuration(slowThreshold)}, failed or needed several attempts; the newest refused ones apart`;
  if (calls.length === 0) {
    return `no such call; ${memory}\n`;
  }
  const ids = shortIds(calls.map(({ id }) => id));
  const rows = calls.map((call, index) => [ids[index] ?? "", ...rowOf(call, layout.nowMs)]);
  const shown = `${formatCount(calls.length)} of ${formatNumberOf(matchedCount, "call")}`;
  return `${renderTable(columns, rows, layout)}\n${shown}; ${memory}\n\`atlas trace <call>\` tells more of one.\n`;
}

/** The first characters of each id, if no two different ones begin alike. */
function shortIds(ids: readonly string[]): readonly string[] {
  const short = ids.map((id) => id.slice(0, SHORT_ID_CHARS));
  return new Set(short).size === new Set(ids).size ? short : ids;
}

function rowOf(call: RecordedCall, nowMs: number): readonly string[] {
  const { attempts, timings, receiveTime } = call;
  const last = attempts.at(-1);
  const agoMs = receiveTime === undefined ? undefined : Math.max(0, nowMs - exactMs(receiveTime));
  return [
    agoMs === undefined ? ABSENT : formatAge(agoMs),
    formatDuration(timings?.total),
    last?.firstToken === undefined ? ABSENT : formatMs(firstTokenMs(call, last)),
    call.model,
    last?.endpoint ?? ABSENT,
    formatCount(attempts.length),
    attempts.length === 0 ? ABSENT : formatUsd(call.cost?.totalNanoUsd),
    call.errorReason === "" ? "ok" : call.errorReason,
  ];
}

/**
 * Since the call began: what its caller has waited, whatever for. What the first token itself waited to be
 * read is not in it, because an attempt tells when it arrived.
 */
function firstTokenMs({ receiveTime }: RecordedCall, { startTime, firstToken }: Attempt): number {
  return exactMs(startTime) - exactMs(receiveTime) + exactMs(firstToken);
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

function formatAge(ms: number): string {
  if (ms < MINUTE_MS) {
    return `${Math.floor(ms / SECOND_MS)} s`;
  }
  return ms < 2 * HOUR_MS ? `${Math.floor(ms / MINUTE_MS)} min` : `${Math.floor(ms / HOUR_MS)} h`;
}
