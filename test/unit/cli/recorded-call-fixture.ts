import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { type RecordedCall, RecordedCallSchema } from "../../../gen/atlas/v1/insight_service_pb.ts";
import { FailureKind, Tier, UsageSource } from "../../../gen/atlas/v1/types_pb.ts";
import { timestampFromMs } from "../../../src/wire/wire-time.ts";

export const RECEIVED_MS = Date.UTC(2026, 10, 22, 22, 30, 11, 250);

/** Azure gives nothing for 2 s; OpenAI then answers within 3.2 s. */
export function switchedCall(changes: Partial<RecordedCall> = {}): RecordedCall {
  const call = create(RecordedCallSchema, {
    id: "0b0b6c1e-0000-4000-8000-00000000000a",
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spansKept: true,
    receiveTime: timestampFromMs(RECEIVED_MS),
    application: "checkout",
    labels: { team: "pay" },
    model: "gpt-4o-mini",
    operation: "support.reply",
    tier: Tier.STANDARD,
    streaming: true,
    route: {
      endpoint: "azure/eastus/gpt-4o-mini",
      explanation: "azure/eastus/gpt-4o-mini is the cheapest of 2.",
      fallbacks: ["openai/gpt-4o-mini"],
      estimatedCost: { totalNanoUsd: 200_000n, priceVersion: "0a1b2c3d4e5f" },
      predictedFirstToken: durationFromMs(500),
      predictedTotal: durationFromMs(4_000),
      catalogRevision: 3n,
      scoreRevision: 12n,
      scoreAge: durationFromMs(1_200),
      decideTime: timestampFromMs(RECEIVED_MS + 1),
    },
    attempts: [
      {
        number: 1,
        endpoint: "azure/eastus/gpt-4o-mini",
        model: "openai/gpt-4o-mini",
        startTime: timestampFromMs(RECEIVED_MS + 2),
        duration: durationFromMs(1_998),
        failure: FailureKind.OVERLOADED,
        httpStatus: 503,
        upstreamRequestId: "req-7",
        errorMessage: "the provider is busy",
      },
      {
        number: 2,
        endpoint: "openai/gpt-4o-mini",
        model: "openai/gpt-4o-mini",
        startTime: timestampFromMs(RECEIVED_MS + 2_000),
        duration: durationFromMs(3_200),
        firstToken: durationFromMs(700),
        httpStatus: 200,
      },
    ],
    timings: {
      plan: { seconds: 0n, nanos: 350_000 },
      failedAttempts: durationFromMs(1_998),
      upstreamFirstToken: durationFromMs(700),
      upstreamGeneration: durationFromMs(2_500),
      routerOverhead: { seconds: 0n, nanos: 1_650_000 },
      total: durationFromMs(5_200),
      outputTokensPerSecond: 136,
    },
    usage: { freshInputTokens: 1_200n, visibleOutputTokens: 340n, source: UsageSource.PROVIDER },
    cost: {
      totalNanoUsd: 384_000n,
      inputNanoUsd: 180_000n,
      outputNanoUsd: 204_000n,
      catalogRevision: 3n,
      priceVersion: "0a1b2c3d4e5f",
    },
    status: "OK",
    upstreamModel: "gpt-4o-mini-2024-07-18",
  });
  return { ...call, ...changes };
}

/** Nothing could be planned. */
export function refusedCall(): RecordedCall {
  return create(RecordedCallSchema, {
    id: "1c1c6c1e-0000-4000-8000-00000000000b",
    traceId: "0af7651916cd43dd8448eb211c80319c",
    receiveTime: timestampFromMs(RECEIVED_MS),
    model: "gpt-9",
    tier: Tier.STANDARD,
    timings: { routerOverhead: durationFromMs(1), total: durationFromMs(1) },
    status: "NOT_FOUND",
    errorReason: "MODEL_NOT_FOUND",
    errorMessage: "The catalogue has no model gpt-9.",
  });
}
