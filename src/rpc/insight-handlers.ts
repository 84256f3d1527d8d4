import { type GetCallResponse, InsightService } from "../../gen/atlas/v1/insight_service_pb.ts";
import type { CallHistory } from "../domain/ledger.ts";
import { RouterError } from "../domain/router-error.ts";
import { durationFromMs, timestampFromMs } from "../wire/wire-time.ts";
import { decodeCallFilter, decodeCallKey, decodeSpendQuery } from "./decode-insight.ts";
import { encodeRecordedCall, encodeSums } from "./encode-insight.ts";
import type { HandlerPorts, Insight } from "./handler-ports.ts";
import { defineService, type RpcService } from "./rpc-service.ts";

export type InsightPorts = Pick<HandlerPorts, "nowMs" | "schedule"> & {
  readonly insight: Insight;
};

const MAX_OTHERS = 20;
/** Ids that a violation names: enough to tell them apart. */
const MAX_NAMED = 5;

export function createInsightService({ insight, nowMs, schedule }: InsightPorts): RpcService {
  const { calls, spend } = insight;
  const pause = () =>
    new Promise<void>((resolve) => {
      schedule(0, resolve);
    });
  return defineService(InsightService, {
    async getCall({ id }) {
      return callOf(decodeCallKey(id), calls);
    },

    async listCalls(request) {
      const { calls: found, matched } = calls.list(decodeCallFilter(request));
      return {
        $typeName: "atlas.v1.ListCallsResponse",
        calls: found.map(encodeRecordedCall),
        matchedCount: matched,
        capacity: calls.capacity,
        slowThreshold: durationFromMs(calls.slowMs()),
      };
    },

    async getSpend(request) {
      const endMs = nowMs();
      const report = await spend.report({ ...decodeSpendQuery(request), nowMs: endMs }, pause);
      return {
        $typeName: "atlas.v1.GetSpendResponse",
        rows: report.rows.map(({ values, sums }) => ({
          $typeName: "atlas.v1.SpendRow",
          values: values.map((value) => value.toWellFormed()),
          sums: encodeSums(sums),
        })),
        restGroupCount: report.restGroups,
        rest: encodeSums(report.rest),
        other: encodeSums(report.other),
        total: encodeSums(report.total),
        startTime: timestampFromMs(report.fromMs),
        endTime: timestampFromMs(endMs),
        sinceTime: timestampFromMs(spend.sinceMs),
        keptHours: spend.hours,
      };
    },
  });
}

/** Throws when there is none, or when the key does not tell which. */
function callOf(key: string, calls: CallHistory): GetCallResponse {
  const found = calls.find(key, calls.capacity * 2);
  const [newest] = found;
  if (newest === undefined) {
    throw notFound(key, calls);
  }
  const ids = new Set(found.map(({ id }) => id));
  if (newest.trace.traceId !== key && ids.size > 1) {
    const named = [...ids].slice(0, MAX_NAMED).join(", ");
    const description = `must be longer: ${ids.size} calls begin so, such as ${named}`;
    throw new RouterError("invalid-request", `id ${description}`, {
      violations: [{ field: "id", description }],
    });
  }
  const others = new Set(calls.find(newest.trace.traceId, MAX_OTHERS + 1).map(({ id }) => id));
  others.delete(newest.id);
  return {
    $typeName: "atlas.v1.GetCallResponse",
    call: encodeRecordedCall(newest),
    otherCallIds: [...others].slice(0, MAX_OTHERS),
  };
}

function notFound(key: string, { capacity }: CallHistory): RouterError {
  const why =
    capacity === 0
      ? "telemetry.calls.recent is 0, so this replica remembers no calls"
      : `it is not among the ${capacity} newest, slow or failed calls of this replica, or another one served it`;
  return new RouterError("call-not-found", `No call ${key}: ${why}.`, {
    metadata: { id: key, capacity: String(capacity) },
  });
}
