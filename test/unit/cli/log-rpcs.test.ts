import { describe, expect, test } from "vitest";
import { createRpcLog } from "../../../src/cli/log-rpcs.ts";
import type { RpcEnd } from "../../../src/domain/ports.ts";
import { exampleTrace } from "../../support/examples.ts";

const REFUSED: RpcEnd = {
  system: "grpc",
  method: "atlas.v1.RouterService/Complete",
  trace: exampleTrace(),
  receivedAtMs: 0,
  endedAtMs: 1,
  status: "INVALID_ARGUMENT",
  reason: "INVALID_REQUEST",
  callId: undefined,
  peer: "192.0.2.1:5000",
};

function start(perSecond = 2) {
  const lines: unknown[] = [];
  const sink = createRpcLog(
    (level, message, fields) => lines.push({ level, message, fields }),
    () => perSecond,
  );
  const end = (changes: Partial<RpcEnd> = {}) => sink({ ...REFUSED, ...changes });
  return { lines, end };
}

describe("createRpcLog()", () => {
  test("tells of a request that never was a call", () => {
    const { lines, end } = start();
    end();
    expect(lines).toEqual([
      {
        level: "info",
        message: "request refused",
        fields: {
          method: "atlas.v1.RouterService/Complete",
          status: "INVALID_ARGUMENT",
          reason: "INVALID_REQUEST",
          system: "grpc",
          peer: "192.0.2.1:5000",
          trace: "0af7651916cd43dd8448eb211c80319c",
          suppressed: 0,
        },
      },
    ]);
  });

  test.each<[string, Partial<RpcEnd>]>([
    ["what succeeded", { status: "OK", reason: undefined }],
    ["what the call log tells", { callId: "call-1" }],
    ["callers who leave", { status: "CANCELLED", reason: "CANCELED" }],
    ["defects, which are told where they are caught", { status: "INTERNAL", reason: "INTERNAL" }],
  ])("keeps silent about %s", (_, changes) => {
    const { lines, end } = start();
    end(changes);
    expect(lines).toEqual([]);
  });

  test("tells of a repeat which call it was answered with", () => {
    const { lines, end } = start();
    const repeats = exampleTrace({ traceId: "1".repeat(32) });
    end({ status: "OK", reason: undefined, callId: "call-1", repeats, endedAtMs: 3.8 });
    expect(lines).toEqual([
      {
        level: "info",
        message: "answered again",
        fields: {
          call: "call-1",
          trace: "0af7651916cd43dd8448eb211c80319c",
          firstTrace: "1".repeat(32),
          status: "OK",
          reason: undefined,
          tookMs: 4,
          suppressed: 0,
        },
      },
    ]);
  });

  test("tells of as many repeats a second as it may, and counts the others", () => {
    const { lines, end } = start(2);
    const repeat = { status: "OK", callId: "call-1", repeats: exampleTrace() };
    for (const endedAtMs of [0, 1, 2, 3, 1_000]) {
      end({ ...repeat, endedAtMs });
    }
    expect(lines).toMatchObject([0, 0, 2].map((suppressed) => ({ fields: { suppressed } })));
  });

  test("tells of no repeat unless it is told how many", () => {
    const lines: string[] = [];
    const sink = createRpcLog((_, message) => lines.push(message));
    sink({ ...REFUSED, status: "OK", callId: "call-1", repeats: exampleTrace() });
    expect(lines).toEqual([]);
  });

  test("tells one of a reason in 10 s and counts the others", () => {
    const { lines, end } = start();
    for (const endedAtMs of [1, 2, 10_000, 10_001]) {
      end({ endedAtMs });
    }
    end({ status: "NOT_FOUND", reason: undefined, endedAtMs: 10_002 });
    expect(lines).toMatchObject([
      { fields: { suppressed: 0 } },
      { fields: { suppressed: 2 } },
      { fields: { status: "NOT_FOUND", suppressed: 0 } },
    ]);
  });
});
