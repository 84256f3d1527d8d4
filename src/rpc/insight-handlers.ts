import { toBinary } from "@bufbuild/protobuf";
import {
  type GetCallResponse,
  InsightService,
  RecordedCallSchema,
  type RecordedCall as WireCall,
} from "../../gen/atlas/v1/insight_service_pb.ts";
import type { CallHistory, Pause, RecordedCall } from "../domain/ledger.ts";
import { RouterError } from "../domain/router-error.ts";
import { durationFromMs, timestampFromMs } from "../wire/wire-time.ts";
import { decodeCallFilter, decodeCallKey, decodeSpendQuery } from "./decode-insight.ts";
import { encodeRecordedCall, encodeSums } from "./encode-insight.ts";
import type { HandlerPorts, Insight } from "./handler-ports.ts";
import { defineService, type RpcService } from "./rpc-service.ts";
import { reasonOf } from "./run-call.ts";
import { createPause, createQueue } from "./turns.ts";

export type InsightPorts = Pick<HandlerPorts, "nowMs" | "schedule"> & {
  readonly insight: Insight;
};

const MAX_OTHERS = 20;
/** Calls that a beginning is held against: beyond them it is told that there are more. */
const MAX_COUNTED = 100;
/** Ids that a violation names: enough to tell them apart. */
const MAX_NAMED = 5;
/** A whole UUID begins nothing else. */
const UUID_CHARS = 36;
/** Half of what clients of gRPC take by default, and encoded in a moment. The largest call has a tenth. */
const MAX_LIST_BYTES = 2 * 1_024 * 1_024;
/** Calls encoded in one turn of the event loop. */
const ENCODED_AT_A_TIME = 50;

export function createInsightService({ insight, nowMs, schedule }: InsightPorts): RpcService {
  const { calls, spend } = insight;
  const pause = createPause(schedule);
  const inQueue = createQueue();
  return defineService(InsightService, {
    async getCall({ id }) {
      return callOf(decodeCallKey(id), calls, pause);
    },

    async listCalls(request) {
      const { calls: found, matched } = await calls.list(decodeCallFilter(request), pause);
      return {
        $typeName: "atlas.v1.ListCallsResponse",
        calls: await encodeCalls(found, pause),
        matchedCount: matched,
        capacity: calls.capacity,
        slowThreshold: durationFromMs(calls.slowMs()),
      };
    },

    async getSpend(request, { signal }) {
      const query = decodeSpendQuery(request);
      const endMs = nowMs();
      const report = await inQueue(async () => {
        // Who has left while it waited needs no report.
        if (signal.aborted) {
          throw reasonOf(signal);
        }
        return spend.report({ ...query, nowMs: endMs }, pause);
      });
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

/** The first calls, as many as there is room for. */
async function encodeCalls(calls: readonly RecordedCall[], pause: Pause): Promise<WireCall[]> {
  const encoded: WireCall[] = [];
  let bytes = 0;
  for (const call of calls) {
    const message = encodeRecordedCall(call);
    bytes += toBinary(RecordedCallSchema, message).length;
    if (bytes > MAX_LIST_BYTES) {
      break;
    }
    encoded.push(message);
    if (encoded.length % ENCODED_AT_A_TIME === 0) {
      await pause();
    }
  }
  return encoded;
}

/** Rejects when there is none, or when the key does not tell which. */
async function callOf(key: string, calls: CallHistory, pause: Pause): Promise<GetCallResponse> {
  const found = await calls.find(key, key.length === UUID_CHARS ? 1 : MAX_COUNTED + 1, pause);
  const [newest] = found;
  if (newest === undefined) {
    throw notFound(key, calls);
  }
  if (newest.trace.traceId !== key && found.length > 1) {
    throw ambiguous(found);
  }
  const ofTrace = await calls.find(newest.trace.traceId, MAX_OTHERS + 1, pause);
  const others = ofTrace.map(({ id }) => id).filter((id) => id !== newest.id);
  return {
    $typeName: "atlas.v1.GetCallResponse",
    call: encodeRecordedCall(newest),
    otherCallIds: others.slice(0, MAX_OTHERS),
  };
}

function ambiguous(found: readonly RecordedCall[]): RouterError {
  const count = found.length > MAX_COUNTED ? `more than ${MAX_COUNTED}` : `${found.length}`;
  const named = found.slice(0, MAX_NAMED).map(({ id }) => id);
  const description = `must be longer: ${count} calls begin so, such as ${named.join(", ")}`;
  return new RouterError("invalid-request", `id ${description}`, {
    violations: [{ field: "id", description }],
  });
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
