import { createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { createRpcInMemory } from "../../support/rpc-in-memory.ts";
import { scriptedRouter } from "../../support/scripted-router.ts";
import { wireSpec } from "../../support/wire-spec.ts";

async function answerOf(recordsAnswers: boolean, streaming: boolean) {
  const router = scriptedRouter();
  const { transport } = createRpcInMemory(router, { recordsAnswers: () => recordsAnswers });
  const client = createClient(RouterService, transport);
  const told: string[] = [];
  if (streaming) {
    for await (const { event } of client.streamComplete({ spec: wireSpec() })) {
      told.push(event.case ?? "");
    }
  } else {
    const { choices } = await client.complete({ spec: wireSpec() });
    told.push(...choices.map(({ rawFinishReason }) => rawFinishReason));
  }
  return { answer: router.calls[0]?.answer, told };
}

describe.each([
  { name: "a unary call", streaming: false },
  { name: "a stream", streaming: true },
])("$name", ({ streaming }) => {
  test("carries its answer only while answers are recorded", async () => {
    expect((await answerOf(false, streaming)).answer).toBeUndefined();
    const { answer } = await answerOf(true, streaming);
    expect(answer?.()[0]?.parts).toEqual([
      { kind: "text", text: "Hello, world!", cacheBreakpoint: false },
    ]);
  });

  test("tells its caller the same either way", async () => {
    const [without, recorded] = [await answerOf(false, streaming), await answerOf(true, streaming)];
    expect(recorded.told).toEqual(without.told);
    expect(without.told).not.toEqual([]);
  });
});
