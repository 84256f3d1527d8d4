import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { FinishReason } from "../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../gen/atlas/v1/router_service_pb.ts";
import { FailureKind, UsageSource } from "../../gen/atlas/v1/types_pb.ts";
import { RouterError } from "../../src/domain/router-error.ts";
import { exampleEndpoint } from "../support/examples.ts";
import { errorOf, reasonOf } from "../support/rpc-errors.ts";
import { createRpcInMemory } from "../support/rpc-in-memory.ts";
import {
  answers,
  type CallScript,
  emits,
  exampleResult,
  fails,
  hangs,
  scriptedRouter,
} from "../support/scripted-router.ts";
import { until } from "../support/until.ts";
import { wireSpec } from "../support/wire-spec.ts";

const UUID = "123e4567-e89b-42d3-a456-426614174000";

describe("Complete", () => {
  it("tells the answer, where it came from, what it cost and where the time went", async () => {
    const { transport } = createRpcInMemory();
    const answer = await createClient(RouterService, transport).complete({ spec: wireSpec() });
    expect(answer).toMatchObject({
      id: "00000000-0000-4000-8000-00000000000a",
      endpoint: "acme/eu/one",
      provider: "acme",
      upstreamModel: "one-2026",
      usage: { freshInputTokens: 8n, visibleOutputTokens: 3n, source: UsageSource.PROVIDER },
      cost: { totalNanoUsd: 3_000n, catalogRevision: 1n, priceVersion: "0a1b2c3d4e5f" },
      attempts: [{ number: 1, failure: FailureKind.UNSPECIFIED, httpStatus: 200 }],
      choices: [{ index: 0, finishReason: FinishReason.STOP, rawFinishReason: "stop" }],
    });
    expect(answer.timings?.total).toMatchObject({ seconds: 0n, nanos: 152_000_000 });
    expect(answer.timings?.queue).toBeUndefined();
  });

  it("forgets what an attempt said before another took over", async () => {
    const script: CallScript = async (call) => {
      call.emit({
        kind: "choice-end",
        choice: 0,
        reason: "length",
        rawReason: "",
        stopSequence: "",
      });
      const result = exampleResult(call);
      call.emit({
        kind: "route-switched",
        failed: result.attempts[0],
        next: exampleEndpoint("b").id,
      });
      return answers("second")(call);
    };
    const { transport } = createRpcInMemory(scriptedRouter(script));
    const { choices } = await createClient(RouterService, transport).complete({ spec: wireSpec() });
    expect(choices[0]?.finishReason).toBe(FinishReason.STOP);
  });

  it("leaves reasoning out unless it was asked for", async () => {
    const script = emits(
      { kind: "reasoning-delta", choice: 0, text: "hmm" },
      { kind: "text-delta", choice: 0, text: "yes" },
    );
    const { transport } = createRpcInMemory(scriptedRouter(script));
    const client = createClient(RouterService, transport);
    const without = await client.complete({ spec: wireSpec() });
    const reasoning = { includeInResponse: true };
    const withIt = await client.complete({ spec: wireSpec({ reasoning }) });
    const cases = (answer: typeof without) =>
      answer.choices[0]?.message?.parts.map(({ part }) => part.case);
    expect(cases(without)).toEqual(["text"]);
    expect(cases(withIt)).toEqual(["reasoning", "text"]);
  });

  it("answers before the default deadline or not at all", async () => {
    const { transport, clock, router } = createRpcInMemory(scriptedRouter(hangs()));
    const failure = errorOf(createClient(RouterService, transport).complete({ spec: wireSpec() }));
    const call = await until(() => router.calls[0]);
    await clock.advance(299_999);
    expect(call.signal.aborted).toBe(false);
    await clock.advance(1);
    const error = await failure;
    expect(error.code).toBe(Code.DeadlineExceeded);
    expect(reasonOf(error)).toBe("DEADLINE_EXCEEDED");
  });

  it("lets an answer that has arrived be read before the deadline is believed", async () => {
    const answer = Promise.withResolvers<void>();
    const aborted: boolean[] = [];
    const router = scriptedRouter(async (call) => {
      await answer.promise;
      aborted.push(call.signal.aborted);
      return answers("in time")(call);
    });
    const { transport, clock } = createRpcInMemory(router);
    const asked = createClient(RouterService, transport).complete({ spec: wireSpec() });
    await until(() => router.calls[0]);
    // Stands for the socket that a starved loop reads after its late timers.
    clock.schedule(300_000, () => answer.resolve());
    await clock.advance(300_000);
    expect((await asked).choices[0]?.message?.parts[0]?.part.value).toBe("in time");
    expect([aborted, clock.pending()]).toEqual([[false], 0]);
  });

  it("leaves no timer behind", async () => {
    const { transport, clock } = createRpcInMemory();
    await createClient(RouterService, transport).complete({ spec: wireSpec() });
    expect(clock.pending()).toBe(0);
  });
});

describe("a repeated request id", () => {
  const request = { spec: wireSpec(), requestId: UUID };

  it("returns the first answer without another call", async () => {
    const { transport, router } = createRpcInMemory();
    const client = createClient(RouterService, transport);
    const first = await client.complete(request);
    const second = await client.complete(request);
    expect(second).toEqual(first);
    expect(router.calls).toHaveLength(1);
  });

  it("waits for the first call while it runs", async () => {
    const { promise, resolve: release } = Promise.withResolvers<void>();
    const router = scriptedRouter(async (call) => {
      await promise;
      return answers("once")(call);
    });
    const { transport } = createRpcInMemory(router);
    const client = createClient(RouterService, transport);
    const both = Promise.all([client.complete(request), client.complete(request)]);
    await until(() => router.calls.length === 1);
    release();
    const [first, second] = await both;
    expect(second).toEqual(first);
    expect(router.calls).toHaveLength(1);
  });

  it("is refused with another request", async () => {
    const { transport } = createRpcInMemory();
    const client = createClient(RouterService, transport);
    await client.complete(request);
    const error = await errorOf(
      client.complete({ ...request, spec: wireSpec({ model: "other" }) }),
    );
    expect(error.code).toBe(Code.AlreadyExists);
    expect(reasonOf(error)).toBe("DUPLICATE_REQUEST");
  });

  it("tries anew after a failure", async () => {
    const scripts = [fails(new RouterError("upstream-unavailable", "down")), answers("up")];
    const router = scriptedRouter((call) => (scripts.shift() ?? answers())(call));
    const { transport } = createRpcInMemory(router);
    const client = createClient(RouterService, transport);
    await errorOf(client.complete(request));
    await expect(client.complete(request)).resolves.toBeDefined();
  });

  it("takes over when the first caller leaves", async () => {
    const scripts = [hangs(), answers("mine")];
    const router = scriptedRouter((call) => (scripts.shift() ?? answers())(call));
    const { transport } = createRpcInMemory(router);
    const client = createClient(RouterService, transport);
    const leaving = new AbortController();
    const first = errorOf(client.complete(request, { signal: leaving.signal }));
    await until(() => router.calls.length === 1);
    const second = client.complete(request);
    leaving.abort();
    expect((await first).code).toBe(Code.Canceled);
    expect((await second).choices[0]?.message?.parts[0]?.part.value).toBe("mine");
  });

  it("is forgotten after ten minutes", async () => {
    const { transport, router, clock } = createRpcInMemory();
    const client = createClient(RouterService, transport);
    await client.complete(request);
    await clock.advance(600_000);
    await client.complete(request);
    expect(router.calls).toHaveLength(2);
  });
});
