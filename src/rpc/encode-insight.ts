import type {
  RecordedCall as WireCall,
  SpendSums as WireSums,
} from "../../gen/atlas/v1/insight_service_pb.ts";
import type { Cost as WireCost } from "../../gen/atlas/v1/types_pb.ts";
import type { RecordedCall, SpendSums } from "../domain/ledger.ts";
import { timestampFromMs } from "../wire/wire-time.ts";
import { encodeAttempts, encodeCost, encodeDecision, encodeUsage } from "./encode-decision.ts";
import { encodeTimings } from "./encode-response.ts";
import { grpcCodes, statusRules } from "./status.ts";
import { tierToWire } from "./wire-enums.ts";

export function encodeRecordedCall(call: RecordedCall): WireCall {
  const { decision, usage, cost, error, trace } = call;
  return {
    $typeName: "atlas.v1.RecordedCall",
    id: call.id,
    traceId: trace.traceId,
    spansKept: trace.keep,
    receiveTime: timestampFromMs(call.receivedAtMs),
    application: call.application,
    labels: { ...call.labels },
    model: call.model,
    operation: call.operation,
    tier: tierToWire[call.tier],
    streaming: call.streaming,
    route: decision === undefined ? undefined : encodeDecision(decision),
    attempts: encodeAttempts(call.attempts, decision),
    timings: encodeTimings(call.timings, call.outputTokensPerSecond),
    usage: usage === undefined ? undefined : encodeUsage(usage),
    cost: cost === undefined ? undefined : encodeCost(cost, decision),
    status: error === undefined ? "OK" : codeName(statusRules[error.code].code),
    errorReason: error === undefined ? "" : statusRules[error.code].reason,
    errorMessage: error === undefined ? "" : error.message.toWellFormed(),
    partial: call.partial,
    upstreamModel: call.upstreamModel,
  };
}

/** Names of `google.rpc.Code` by number. */
const codeNames: ReadonlyMap<number, string> = new Map(
  Object.entries(grpcCodes).map(([word, code]) => [code, word.toUpperCase().replaceAll("-", "_")]),
);

function codeName(code: number): string {
  return codeNames.get(code) ?? "UNKNOWN";
}

export function encodeSums(sums: SpendSums): WireSums {
  const { usage, unpricedUsage, givenUp, minCatalogRevision, maxCatalogRevision } = sums;
  return {
    $typeName: "atlas.v1.SpendSums",
    callCount: BigInt(sums.calls),
    failedCallCount: BigInt(sums.failedCalls),
    unpricedCallCount: BigInt(sums.unpricedCalls),
    usage: usage === undefined ? undefined : encodeUsage(usage),
    unpricedUsage: unpricedUsage === undefined ? undefined : encodeUsage(unpricedUsage),
    cost: encodeSumOfCosts(sums),
    minCatalogRevision: BigInt(minCatalogRevision),
    maxCatalogRevision: BigInt(maxCatalogRevision),
    givenUpAttemptCount: BigInt(givenUp.attempts),
    unknownGivenUpAttemptCount: BigInt(givenUp.unknown),
    givenUpNanoUsd: givenUp.cost,
    priceVersions: [...sums.priceVersions],
  };
}

function encodeSumOfCosts(sums: SpendSums): WireCost {
  const { cost, minCatalogRevision, maxCatalogRevision, priceVersions } = sums;
  const [priceVersion = "", ...laterVersions] = priceVersions;
  return {
    $typeName: "atlas.v1.Cost",
    totalNanoUsd: cost.total,
    inputNanoUsd: cost.input,
    outputNanoUsd: cost.output,
    cacheNanoUsd: cost.cache,
    catalogRevision: minCatalogRevision === maxCatalogRevision ? BigInt(minCatalogRevision) : 0n,
    requestNanoUsd: cost.request,
    priceVersion: laterVersions.length === 0 ? priceVersion : "",
  };
}
