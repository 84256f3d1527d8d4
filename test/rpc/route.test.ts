import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { RouterService } from "../../gen/atlas/v1/router_service_pb.ts";
import { GateState, RejectionReason } from "../../gen/atlas/v1/routing_pb.ts";
import { Tier } from "../../gen/atlas/v1/types_pb.ts";
import { UNKNOWN_COST } from "../../src/domain/money.ts";
import type { Candidate } from "../../src/domain/plan.ts";
import { RouterError } from "../../src/domain/router-error.ts";
import { exampleEndpoint } from "../support/examples.ts";
import { errorOf, reasonOf } from "../support/rpc-errors.ts";
import { createRpcInMemory } from "../support/rpc-in-memory.ts";
import { answers, scriptedRouter } from "../support/scripted-router.ts";
import { wireSpec } from "../support/wire-spec.ts";

const UUID = "123E4567-e89b-42d3-a456-426614174000";

const refused: Candidate = {
  endpoint: exampleEndpoint("acme/eu/one"),
  eligible: false,
  rejections: [{ reason: "gate-not-green", detail: "gate is red", soft: false }],
  share: 0,
  terms: {},
  estimatedCost: UNKNOWN_COST,
  gate: "red",
  band: 0,
  cold: true,
  droppedParameters: ["top_k"],
};

const refuses = (error: RouterError) =>
  scriptedRouter(answers(), () => {
    throw error;
  });

describe("Route", () => {
  it("gives the decision, the candidates and the policy that was applied", async () => {
    const { transport } = createRpcInMemory();
    const answer = await createClient(RouterService, transport).route({
      spec: wireSpec(),
      routing: { tier: Tier.REALTIME, operation: "support.reply" },
    });
    expect(answer.decision).toMatchObject({
      endpoint: "acme/eu/one",
      provider: "acme",
      tier: Tier.REALTIME,
      operation: "support.reply",
      estimatedCost: { totalNanoUsd: 250n },
    });
    expect(answer.candidates[0]).toMatchObject({ share: 1, gate: GateState.NATIVE });
    expect(answer.effectivePolicy).toMatchObject({ tier: Tier.REALTIME, allowHedging: true });
  });

  it("plans for a model alone", async () => {
    const { transport, router } = createRpcInMemory();
    await createClient(RouterService, transport).route({ spec: { model: "acme/one" } });
    expect(router.plans[0]?.spec.messages).toEqual([]);
  });

  it("takes the decision's id from the request, in lower case", async () => {
    const { transport } = createRpcInMemory();
    const client = createClient(RouterService, transport);
    const { decision } = await client.route({ spec: wireSpec(), requestId: UUID });
    expect(decision?.decisionId).toBe(UUID.toLowerCase());
  });

  it("plans a batch by the rules of standard", async () => {
    const { transport, router } = createRpcInMemory();
    await createClient(RouterService, transport).route({
      spec: wireSpec(),
      routing: { tier: Tier.BATCH },
    });
    expect(router.plans[0]?.policy.tier).toBe("standard");
  });

  it("answers with every reason and no endpoint when nothing is eligible", async () => {
    const error = new RouterError("eval-gate-failed", "no gate is green", {
      candidates: [refused],
    });
    const { transport } = createRpcInMemory(refuses(error));
    const answer = await createClient(RouterService, transport).route({ spec: wireSpec() });
    expect(answer.decision).toMatchObject({ endpoint: "", explanation: "no gate is green" });
    expect(answer.candidates[0]).toMatchObject({
      eligible: false,
      gate: GateState.RED,
      cold: true,
      droppedParameters: ["top_k"],
      rejections: [{ reason: RejectionReason.GATE_NOT_GREEN, detail: "gate is red", soft: false }],
    });
    expect(answer.candidates[0]?.estimatedCost?.totalNanoUsd).toBeUndefined();
  });

  it("fails for an unknown model", async () => {
    const { transport } = createRpcInMemory(
      refuses(new RouterError("model-not-found", "no such model", { metadata: { model: "x" } })),
    );
    const error = await errorOf(createClient(RouterService, transport).route({ spec: wireSpec() }));
    expect(error.code).toBe(Code.NotFound);
    expect(reasonOf(error)).toBe("MODEL_NOT_FOUND");
  });
});
