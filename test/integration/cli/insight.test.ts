import { create, fromJsonString, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import {
  GetCallResponseSchema,
  type GetSpendRequest,
  GetSpendRequestSchema,
  GetSpendResponseSchema,
  type ListCallsRequest,
  ListCallsRequestSchema,
  ListCallsResponseSchema,
} from "../../../gen/atlas/v1/insight_service_pb.ts";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { runAtlas } from "../../../src/cli/program.ts";
import { createMemoryWorld } from "../../unit/cli/memory-world.ts";
import { RECEIVED_MS, switchedCall } from "../../unit/cli/recorded-call-fixture.ts";
import { useScriptedServer } from "./scripted-server.ts";

const startServer = useScriptedServer();

async function run(server: string, ...argv: readonly string[]) {
  const world = createMemoryWorld({ columns: 100, nowMs: RECEIVED_MS + 5_000 });
  await runAtlas(world, [...argv, "--server", server]);
  return { out: world.out(), err: world.err(), exitCode: world.exitCode() };
}

describe("atlas trace", () => {
  it("explains the call that is asked for", async () => {
    const asked: string[] = [];
    const server = await startServer({
      insight: {
        getCall({ id }) {
          asked.push(id);
          return { call: switchedCall() };
        },
      },
    });
    const { out, err, exitCode } = await run(server, "trace", "0b0b6c1e");
    expect(out).toContain("Ended     ok by openai/gpt-4o-mini after 1 failed attempt\n");
    expect([asked, err, exitCode]).toEqual([["0b0b6c1e"], "", 0]);
  });

  it("prints a call as one document of proto JSON with --json", async () => {
    const response = create(GetCallResponseSchema, { call: switchedCall(), otherCallIds: ["x"] });
    const server = await startServer({ insight: { getCall: () => response } });
    const { out } = await run(server, "trace", "0b0b6c1e", "--json");
    expect(fromJsonString(GetCallResponseSchema, out)).toEqual(response);
  });

  it.each([
    [["trace"], { limit: 20 }],
    [["trace", "--slow"], { kind: "KIND_SLOW", limit: 20 }],
    [["trace", "--refused"], { kind: "KIND_REFUSED", limit: 20 }],
    [["trace", "--fallback", "--limit", "3"], { kind: "KIND_FALLBACK", limit: 3 }],
    [
      [
        "trace",
        "--failed",
        "--model",
        "m",
        "--endpoint",
        "e",
        "--operation",
        "o",
        "--longer-than",
        "2s",
      ],
      {
        kind: "KIND_FAILED",
        model: "m",
        endpoint: "e",
        operation: "o",
        minDuration: "2s",
        limit: 20,
      },
    ],
  ])("asks for a list as the options say: %j", async (argv, expected) => {
    const requests: ListCallsRequest[] = [];
    const server = await startServer({
      insight: {
        listCalls(request) {
          requests.push(request);
          return { calls: [switchedCall()], matchedCount: 1, capacity: 5 };
        },
      },
    });
    const { out, exitCode } = await run(server, ...argv);
    expect(requests.map((request) => toJson(ListCallsRequestSchema, request))).toEqual([expected]);
    expect(out).toContain("0b0b6c1e  5 s  5.20 s");
    expect(exitCode).toBe(0);
  });

  it("prints a list as one document of proto JSON with --json", async () => {
    const response = create(ListCallsResponseSchema, { calls: [switchedCall()], matchedCount: 1 });
    const server = await startServer({ insight: { listCalls: () => response } });
    const { out } = await run(server, "trace", "--slow", "--json");
    expect(fromJsonString(ListCallsResponseSchema, out)).toEqual(response);
  });

  it("says where to look for a call that is not remembered", async () => {
    const server = await startServer({
      insight: {
        getCall() {
          const info = { reason: "CALL_NOT_FOUND", domain: "atlas.internal" };
          throw new ConnectError("No call abcd.", Code.NotFound, undefined, [
            { desc: ErrorInfoSchema, value: info },
          ]);
        },
      },
    });
    const { err, exitCode } = await run(server, "trace", "abcd");
    expect(err).toBe(
      "error: NOT_FOUND (CALL_NOT_FOUND): No call abcd.\n" +
        "`atlas trace` lists the calls that the router remembers.\n",
    );
    expect(exitCode).toBe(1);
  });

  it.each([
    [["trace", "abcd", "--slow", "--model", "m"], "--slow, --model list calls"],
    [["trace", "--slow", "--failed"], "exclude each other"],
    [["trace", "--failed", "--refused"], "exclude each other"],
    [["trace", "abcd", "--refused"], "--refused list calls"],
    [["trace", "--limit", "0"], "--limit must be at least 1"],
    [["spend", "--top", "0"], "--top must be at least 1"],
  ])("refuses %j", async (argv, problem) => {
    const { err, exitCode } = await run("127.0.0.1:1", ...argv);
    expect(err).toContain(problem);
    expect(exitCode).toBe(2);
  });
});

describe("atlas spend", () => {
  it.each([
    [["spend"], { hours: 24, groupBy: ["application", "model"], top: 20 }],
    [
      ["spend", "--hours", "1", "--by", "endpoint,label:team", "--by", "tier", "--top", "5"],
      { hours: 1, groupBy: ["endpoint", "label:team", "tier"], top: 5 },
    ],
  ])("asks for sums as the options say: %j", async (argv, expected) => {
    const requests: GetSpendRequest[] = [];
    const server = await startServer({
      insight: {
        getSpend(request) {
          requests.push(request);
          return { keptHours: 72, total: {} };
        },
      },
    });
    const { out, exitCode } = await run(server, ...argv);
    expect(requests.map((request) => toJson(GetSpendRequestSchema, request))).toEqual([expected]);
    expect([out, exitCode]).toEqual(["no calls\n", 0]);
  });

  it("prints one document of proto JSON with --json", async () => {
    const response = create(GetSpendResponseSchema, { total: { callCount: 3n }, keptHours: 1 });
    const server = await startServer({ insight: { getSpend: () => response } });
    const { out } = await run(server, "spend", "--json");
    expect(fromJsonString(GetSpendResponseSchema, out)).toEqual(response);
  });
});
