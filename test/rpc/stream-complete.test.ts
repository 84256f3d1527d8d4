import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import type { StreamCompleteResponse } from "../../gen/atlas/v1/completion_pb.ts";
import { Heartbeat_Phase } from "../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../gen/atlas/v1/router_service_pb.ts";
import { exampleEndpoint } from "../support/examples.ts";
import { collect, errorOf, reasonOf } from "../support/rpc-errors.ts";
import { createRpcInMemory } from "../support/rpc-in-memory.ts";
import {
  emits,
  exampleResult,
  exampleUsage,
  hangs,
  scriptedRouter,
} from "../support/scripted-router.ts";
import { until } from "../support/until.ts";
import { wireSpec } from "../support/wire-spec.ts";

const delta = (text: string) => ({ kind: "text-delta", choice: 0, text }) as const;
const never = { seconds: 0n, nanos: 0 };

const texts = (messages: readonly StreamCompleteResponse[]) =>
  messages.flatMap(({ event }) =>
    event.case === "content" && event.value.delta.case === "text" ? [event.value.delta.value] : [],
  );

describe("StreamComplete", () => {
  it("joins what comes in one burst", async () => {
    const { transport } = createRpcInMemory(scriptedRouter(emits(delta("a"), delta("b"))));
    const client = createClient(RouterService, transport);
    const messages = await collect(client.streamComplete({ spec: wireSpec() }));
    expect(texts(messages)).toEqual(["ab"]);
  });

  it("joins nothing when told not to", async () => {
    const { transport } = createRpcInMemory(scriptedRouter(emits(delta("a"), delta("b"))));
    const client = createClient(RouterService, transport);
    const options = { coalesceWindow: never };
    const messages = await collect(client.streamComplete({ spec: wireSpec(), options }));
    expect(texts(messages)).toEqual(["a", "b"]);
  });

  it("sends the first at once and then what a window joins", async () => {
    const { promise, resolve: release } = Promise.withResolvers<void>();
    const router = scriptedRouter(async (call) => {
      call.emit(delta("a"));
      call.emit(delta("b"));
      call.emit(delta("c"));
      await promise;
      call.emit(delta("d"));
      return exampleResult(call);
    });
    const { transport, clock } = createRpcInMemory(router);
    const client = createClient(RouterService, transport);
    const options = { coalesceWindow: { seconds: 0n, nanos: 20_000_000 } };
    const reading = collect(client.streamComplete({ spec: wireSpec(), options }));
    await until(() => router.calls.length === 1);
    await clock.advance(20);
    release();
    expect(texts(await reading)).toEqual(["a", "bc", "d"]);
    expect(clock.pending()).toBe(0);
  });

  it("numbers its messages without gaps, started first and finished last", async () => {
    const failed = exampleResult({ id: "", policy: { tier: "standard" } } as never).attempts[0];
    const script = emits(
      { kind: "heartbeat", phase: "waiting-for-first-token" },
      { kind: "route-switched", failed, next: exampleEndpoint("b").id },
      delta("a"),
      { kind: "tool-call-delta", choice: 0, tool: 0, id: "t", name: "f", argumentsFragment: "{" },
      { kind: "tool-call-delta", choice: 0, tool: 0, id: "", name: "", argumentsFragment: "}" },
      { kind: "choice-end", choice: 0, reason: "tool-calls", rawReason: "", stopSequence: "" },
    );
    const { transport } = createRpcInMemory(scriptedRouter(script));
    const client = createClient(RouterService, transport);
    const messages = await collect(client.streamComplete({ spec: wireSpec() }));
    expect(messages.map(({ event }) => event.case)).toEqual([
      "started",
      "heartbeat",
      "routeSwitched",
      "content",
      "toolCall",
      "choiceFinished",
      "finished",
    ]);
    expect(messages.map(({ sequence }) => Number(sequence))).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(messages[1]?.event.value).toMatchObject({
      phase: Heartbeat_Phase.WAITING_FOR_FIRST_TOKEN,
    });
    expect(messages[4]?.event.value).toMatchObject({ id: "t", argumentsJsonFragment: "{}" });
  });

  it("tells running usage only when asked", async () => {
    const script = emits({ kind: "usage", usage: exampleUsage }, delta("a"));
    const { transport } = createRpcInMemory(scriptedRouter(script));
    const client = createClient(RouterService, transport);
    const cases = async (continuousUsage: boolean) => {
      const options = { continuousUsage };
      const messages = await collect(client.streamComplete({ spec: wireSpec(), options }));
      return messages.map(({ event }) => event.case);
    };
    expect(await cases(false)).not.toContain("usage");
    expect(await cases(true)).toContain("usage");
  });

  it("waits for the other half of a character", async () => {
    const { promise, resolve: release } = Promise.withResolvers<void>();
    const router = scriptedRouter(async (call) => {
      call.emit(delta("a\ud83d"));
      await promise;
      call.emit(delta("\ude00b"));
      return exampleResult(call);
    });
    const { transport } = createRpcInMemory(router);
    const client = createClient(RouterService, transport);
    const reading = collect(client.streamComplete({ spec: wireSpec() }));
    await until(() => router.calls.length === 1);
    release();
    expect(texts(await reading)).toEqual(["a", "\u{1f600}b"]);
  });

  it("hands the heartbeat interval to the router", async () => {
    const { transport, router } = createRpcInMemory();
    const client = createClient(RouterService, transport);
    const options = { heartbeatInterval: { seconds: 2n, nanos: 0 } };
    await collect(client.streamComplete({ spec: wireSpec(), options }));
    await collect(client.streamComplete({ spec: wireSpec() }));
    expect(router.calls.map(({ heartbeatIntervalMs }) => heartbeatIntervalMs)).toEqual([
      2_000, 5_000,
    ]);
  });

  it("refuses settings out of range", async () => {
    const { transport } = createRpcInMemory();
    const client = createClient(RouterService, transport);
    const options = {
      coalesceWindow: { seconds: 2n, nanos: 0 },
      heartbeatInterval: { seconds: 0n, nanos: 1 },
    };
    const error = await errorOf(collect(client.streamComplete({ spec: wireSpec(), options })));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.rawMessage).toContain("options.coalesce_window");
    expect(error.rawMessage).toContain("1 more");
  });

  it("refuses a request id whose stream runs, and takes it again afterwards", async () => {
    const { transport, router } = createRpcInMemory(scriptedRouter(hangs()));
    const client = createClient(RouterService, transport);
    const request = { spec: wireSpec(), requestId: "123e4567-e89b-42d3-a456-426614174000" };
    const leaving = new AbortController();
    const first = errorOf(collect(client.streamComplete(request, { signal: leaving.signal })));
    await until(() => router.calls.length === 1);
    const second = await errorOf(collect(client.streamComplete(request)));
    expect(second.code).toBe(Code.AlreadyExists);
    expect(reasonOf(second)).toBe("DUPLICATE_REQUEST");
    leaving.abort();
    await first;
    await until(() => router.calls[0]?.signal.aborted === true);
    const third = client.streamComplete(request)[Symbol.asyncIterator]();
    expect((await third.next()).value?.event.case).toBe("started");
  });
});
