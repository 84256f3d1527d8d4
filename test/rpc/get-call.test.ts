import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { InsightService } from "../../gen/atlas/v1/insight_service_pb.ts";
import { FailureKind, Tier, UsageSource } from "../../gen/atlas/v1/types_pb.ts";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { RouterError } from "../../src/domain/router-error.ts";
import { exampleCall, exampleTrace } from "../support/examples.ts";
import { createInsight } from "../support/insight.ts";
import { errorOf, reasonOf } from "../support/rpc-errors.ts";
import { createRpcInMemory } from "../support/rpc-in-memory.ts";
import { scriptedRouter } from "../support/scripted-router.ts";
import { makeAttempt, makeRefusal, makeResult, someUsage } from "../unit/ledger/make-call-end.ts";

const ID = "0b0b6c1e-0000-4000-8000-00000000000a";

function world(changes: Parameters<typeof createInsight>[0] = {}) {
  const { insight, tell } = createInsight(changes);
  const { transport } = createRpcInMemory(scriptedRouter(), { insight });
  return { tell, client: createClient(InsightService, transport) };
}

describe("GetCall", () => {
  it("returns all that is remembered of a call", async () => {
    const { client, tell } = world();
    const caller = { application: "checkout", endUserHash: "h", labels: { team: "pay" } };
    const attempts = [
      makeAttempt({ outcome: { kind: "overloaded", message: "busy", httpStatus: 529 } }),
      makeAttempt({ number: 2 }),
    ] as const;
    tell(
      exampleCall({ id: ID, caller, trace: exampleTrace({ keep: true }) }),
      makeResult({ attempts }),
    );
    const { call, otherCallIds } = await client.getCall({ id: ID });
    expect(call).toMatchObject({
      id: ID,
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spansKept: true,
      receiveTime: { seconds: 1_800_000_000n },
      application: "checkout",
      labels: { team: "pay" },
      model: "acme/one",
      operation: "",
      tier: Tier.STANDARD,
      streaming: true,
      route: { endpoint: "a", explanation: "the test says so" },
      attempts: [
        { number: 1, failure: FailureKind.OVERLOADED, errorMessage: "busy" },
        { number: 2, failure: FailureKind.UNSPECIFIED, upstreamRequestId: "req-1" },
      ],
      timings: { total: { nanos: 100_000_000 } },
      usage: { freshInputTokens: 100n },
      cost: { totalNanoUsd: 21_000n, catalogRevision: 1n, priceVersion: "0a1b2c3d4e5f" },
      status: "OK",
      errorReason: "",
      errorMessage: "",
      partial: false,
      upstreamModel: "one-2026",
    });
    expect(otherCallIds).toEqual([]);
  });

  it("tells what an attempt is billed that another one followed, and its tokens", async () => {
    const { client, tell } = world();
    const givenUpCost = { total: 12, input: 4, output: 8, cache: 0, request: 0 };
    const attempts = [
      makeAttempt({ givenUpCost, usage: { ...someUsage, source: "partial" } }),
      makeAttempt({ number: 2, usage: someUsage }),
    ] as const;
    tell(exampleCall({ id: ID }), makeResult({ attempts }));
    const { call } = await client.getCall({ id: ID });
    expect(call?.attempts[0]).toMatchObject({
      givenUpCost: { totalNanoUsd: 12n, outputNanoUsd: 8n, priceVersion: "0a1b2c3d4e5f" },
      givenUpUsage: { freshInputTokens: 100n, source: UsageSource.PARTIAL },
    });
    const { givenUpCost: none, givenUpUsage } = call?.attempts[1] ?? {};
    expect([none, givenUpUsage]).toEqual([undefined, undefined]);
    expect(call?.cost?.totalNanoUsd).toBe(21_000n);
  });

  it("says how a call failed, in the words its caller was told", async () => {
    const { client, tell } = world();
    const error = new RouterError("upstream-unavailable", "nothing answered");
    tell(exampleCall({ id: ID }), makeResult({ error, partial: true }));
    expect((await client.getCall({ id: ID })).call).toMatchObject({
      status: "UNAVAILABLE",
      errorReason: "UPSTREAM_UNAVAILABLE",
      errorMessage: "nothing answered",
      partial: true,
    });
  });

  it("returns a call that nothing was planned for", async () => {
    const { client, tell } = world();
    tell(exampleCall({ id: ID }), makeRefusal());
    const { call } = await client.getCall({ id: ID });
    expect(call).toMatchObject({ attempts: [], status: "NOT_FOUND" });
    expect([call?.route, call?.usage, call?.cost]).toEqual([undefined, undefined, undefined]);
  });

  it.each(["0b0b", "0B0B6C1E"])("finds a call by the beginning of its id, %s", async (id) => {
    const { client, tell } = world();
    tell(exampleCall({ id: ID }), makeResult());
    expect((await client.getCall({ id })).call?.id).toBe(ID);
  });

  it("finds the newest call of a trace and names the others", async () => {
    const { client, tell } = world();
    for (const [index, id] of ["first", "second", "third"].entries()) {
      tell(exampleCall({ id, receivedAtMs: 1_800_000_000_000 + index }), makeResult());
    }
    const response = await client.getCall({ id: exampleTrace().traceId.toUpperCase() });
    expect([response.call?.id, response.otherCallIds]).toEqual(["third", ["second", "first"]]);
  });

  it("takes the newest of calls that repeat an id", async () => {
    const { client, tell } = world();
    tell(exampleCall({ id: ID }), makeRefusal());
    tell(exampleCall({ id: ID, receivedAtMs: 1_800_000_000_500 }), makeResult());
    const response = await client.getCall({ id: ID });
    expect([response.call?.status, response.otherCallIds]).toEqual(["OK", []]);
  });

  it("refuses a beginning that calls with different ids share, and names some", async () => {
    const { client, tell } = world();
    tell(exampleCall({ id: "abcd-1" }), makeResult());
    tell(exampleCall({ id: "abcd-2" }), makeResult());
    const error = await errorOf(client.getCall({ id: "abcd" }));
    expect([error.code, reasonOf(error)]).toEqual([Code.InvalidArgument, "INVALID_REQUEST"]);
    expect(error.rawMessage).toContain("2 calls begin so, such as abcd-");
  });

  it("does not count further than a hundred calls that begin alike", async () => {
    const { client, tell } = world({ recent: 200 });
    for (let index = 0; index < 150; index++) {
      tell(exampleCall({ id: `abcd-${index}` }), makeResult());
    }
    const error = await errorOf(client.getCall({ id: "abcd" }));
    expect(error.rawMessage).toContain("more than 100 calls begin so, such as abcd-149, abcd-148,");
  });

  it.each(["", "abc", "a".repeat(37)])("refuses %j, which names no call", async (id) => {
    const error = await errorOf(world().client.getCall({ id }));
    expect([error.code, error.rawMessage]).toEqual([
      Code.InvalidArgument,
      "id must have 4 to 36 characters",
    ]);
  });

  it("says that it does not remember a call", async () => {
    const error = await errorOf(world().client.getCall({ id: ID }));
    expect([error.code, reasonOf(error)]).toEqual([Code.NotFound, "CALL_NOT_FOUND"]);
    expect(error.findDetails(ErrorInfoSchema)[0]?.metadata).toEqual({ id: ID, capacity: "100" });
  });

  it("says that it remembers none at all", async () => {
    const error = await errorOf(world({ recent: 0 }).client.getCall({ id: ID }));
    expect(error.rawMessage).toContain("telemetry.calls.recent is 0");
  });

  it("is not served by a process that takes no calls", async () => {
    const { transport } = createRpcInMemory(scriptedRouter());
    const client = createClient(InsightService, transport);
    await expect(client.getCall({ id: ID })).rejects.toMatchObject({ code: Code.Unimplemented });
  });
});
