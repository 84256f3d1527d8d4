import { describe, expect, test } from "vitest";
import { createAttemptTrace } from "../../../src/attempt/attempt-trace.ts";
import { SUCCESS } from "../../../src/domain/outcome.ts";
import type { StreamEvent } from "../../../src/domain/stream-event.ts";
import { exampleCall, exampleSpec } from "../../support/examples.ts";

const aside: StreamEvent = {
  kind: "choice-end",
  choice: 0,
  reason: "stop",
  rawReason: "stop",
  stopSequence: "",
};
const contents: readonly StreamEvent[] = [
  { kind: "text-delta", choice: 0, text: "abc" },
  { kind: "reasoning-delta", choice: 0, text: "de" },
  { kind: "refusal-delta", choice: 0, text: "f" },
  { kind: "tool-call-delta", choice: 0, tool: 0, id: "t", name: "go", argumentsFragment: "{}" },
  { kind: "redacted-reasoning", choice: 0, data: new Uint8Array([2]) },
];

function start(includeInResponse = false) {
  const received: StreamEvent[] = [];
  let timeMs = 0;
  const trace = createAttemptTrace(
    {
      call: exampleCall({
        spec: exampleSpec({
          reasoning: { effort: undefined, maxTokens: undefined, includeInResponse },
        }),
      }),
      emit: (event) => received.push(event),
      firstContent: () => undefined,
    },
    () => timeMs++,
  );
  return { trace, received };
}

describe("createAttemptTrace()", () => {
  test("holds back what is not content until there is content, in order", () => {
    const { trace, received } = start();
    trace.emit(aside);
    expect(received).toEqual([]);
    trace.emit(contents[0] as StreamEvent);
    trace.emit(aside);
    expect(received).toEqual([aside, contents[0], aside]);
  });

  test("counts the bytes of every kind of content", () => {
    const { trace } = start();
    contents.forEach(trace.emit);
    expect(trace.contentBytes).toBe(3 + 2 + 1 + 4);
  });

  test("never shows the caller how the response started", () => {
    const { trace, received } = start();
    trace.emit({
      kind: "response-start",
      httpStatus: 200,
      upstreamRequestId: undefined,
      upstreamModel: "m",
    });
    trace.emit({
      kind: "response-start",
      httpStatus: undefined,
      upstreamRequestId: "r",
      upstreamModel: undefined,
    });
    trace.close(SUCCESS);
    expect(received).toEqual([]);
    expect(trace.told).toMatchObject({
      httpStatus: 200,
      upstreamRequestId: "r",
      upstreamModel: "m",
    });
  });

  test.each([
    { includeInResponse: true, shown: 3 },
    { includeInResponse: false, shown: 0 },
  ])(
    "passes reasoning on only to who asked for it: $includeInResponse",
    ({ includeInResponse, shown }) => {
      const { trace, received } = start(includeInResponse);
      trace.emit({ kind: "reasoning-delta", choice: 0, text: "hm" });
      trace.emit({ kind: "reasoning-signature", choice: 0, signature: new Uint8Array([1]) });
      trace.emit({ kind: "redacted-reasoning", choice: 0, data: new Uint8Array([2]) });
      expect(received).toHaveLength(shown);
      expect(trace.passedContent).toBe(includeInResponse);
      expect(trace.firstContentMs).toBeDefined();
    },
  );

  test("takes content for as old as it is, never for older than what came before it", () => {
    let timeMs = 1_000;
    let waitedMs = 0;
    const told: unknown[] = [];
    const limitsSaw: number[] = [];
    const trace = createAttemptTrace(
      {
        call: exampleCall(),
        emit: () => undefined,
        firstContent: (times) => told.push(times),
      },
      () => timeMs,
      (nowMs) => nowMs - waitedMs,
    );
    trace.open({
      content: (atMs) => limitsSaw.push(atMs),
      activity: (atMs) => limitsSaw.push(atMs),
      stop: () => undefined,
    });
    const handle = (atMs: number, ms: number, event: StreamEvent) => {
      timeMs = atMs;
      waitedMs = ms;
      trace.emit(event);
    };
    handle(1_500, 480, contents[0] as StreamEvent);
    expect(told).toEqual([{ startedAtMs: 1_000, nowMs: 1_020 }]);
    expect([trace.firstContentMs, trace.lastContentMs]).toEqual([1_020, 1_020]);
    handle(1_600, 590, contents[0] as StreamEvent);
    expect(trace.lastContentMs).toBe(1_020);
    handle(1_700, 0, contents[0] as StreamEvent);
    expect(trace.lastContentMs).toBe(1_700);
    handle(1_800, 100, aside);
    expect(trace.arrivedMs(1_850)).toBe(1_750);
    expect(trace.arrivedMs(1_820)).toBe(1_750);
    // What has waited is no reason to give up sooner.
    expect(limitsSaw).toEqual([1_500, 1_600, 1_700, 1_800]);
  });

  test("takes nothing for older than the attempt", () => {
    const trace = createAttemptTrace(
      { call: exampleCall(), emit: () => undefined, firstContent: () => undefined },
      () => 1_000,
      (nowMs) => nowMs - 400,
    );
    trace.emit(contents[0] as StreamEvent);
    expect(trace.firstContentMs).toBe(1_000);
  });

  test("drops what was held back when the attempt fails, and everything after its end", () => {
    const { trace, received } = start();
    trace.emit(aside);
    trace.close({ kind: "network", message: "" });
    trace.emit(contents[0] as StreamEvent);
    expect(received).toEqual([]);
  });
});
