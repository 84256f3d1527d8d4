import { create, fromJsonString, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { EndpointHealth_State } from "../../../gen/atlas/v1/catalog_service_pb.ts";
import {
  GetScoresResponseSchema,
  type PublishHealthRequest,
  PublishHealthRequestSchema,
  type ScoreSnapshotSchema,
  type WatchScoresResponseSchema,
} from "../../../gen/atlas/v1/scoring_service_pb.ts";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { createMemoryBus } from "../../../src/bus/memory-bus.ts";
import { runAtlas } from "../../../src/cli/program.ts";
import type { NatsConfig } from "../../../src/config/config.ts";
import type { Log } from "../../../src/domain/ports.ts";
import { createMemoryWorld, type MemoryWorld } from "../../unit/cli/memory-world.ts";
import { useScriptedServer } from "./scripted-server.ts";

const startServer = useScriptedServer();

async function run(world: MemoryWorld, server: string, ...argv: readonly string[]) {
  await runAtlas(world, [...argv, "--server", server]);
  return { out: world.out(), err: world.err(), exitCode: world.exitCode() };
}

const snapshotOf = (
  revision: bigint,
  uptime: number,
): MessageInitShape<typeof ScoreSnapshotSchema> => ({
  revision,
  windowEndTime: timestampFromMs(4_000 + Number(revision)),
  scores: [
    {
      endpoint: "a/slow",
      state: EndpointHealth_State.UNHEALTHY,
      reason: "reported down: fire",
      stats: { uptime: 0.5, windowEndTime: timestampFromMs(4_000 + Number(revision)) },
      recentFailures: 2n,
    },
    {
      endpoint: "b/fast",
      state: EndpointHealth_State.HEALTHY,
      stats: { latencyMsP50: 300, uptime, success: 0.975, sampleCount: 1_200n },
      recentSuccesses: 40n,
    },
  ],
});

describe("atlas health publish", () => {
  it("sends what the options say and says what was told", async () => {
    const requests: PublishHealthRequest[] = [];
    const server = await startServer({
      scoring: {
        publishHealth(request) {
          requests.push(request);
          return {};
        },
      },
    });
    const { out, err, exitCode } = await run(
      createMemoryWorld(),
      server,
      ...["health", "publish", "a/slow", "--state", "draining"],
      ...["--reason", "driver upgrade", "--ttl", "20m", "--source", "ops"],
    );
    const [request = create(PublishHealthRequestSchema)] = requests;
    expect(toJson(PublishHealthRequestSchema, request)).toEqual({
      endpoint: "a/slow",
      source: "ops",
      state: { state: "STATE_DRAINING", reason: "driver upgrade", ttl: "1200s" },
    });
    expect(out).toBe("a/slow is reported draining for 20m\n");
    expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
  });

  it("claims for ten minutes unless it is told otherwise, and prints proto JSON with --json", async () => {
    const requests: PublishHealthRequest[] = [];
    const server = await startServer({
      scoring: {
        publishHealth(request) {
          requests.push(request);
          return {};
        },
      },
    });
    const argv = ["health", "publish", "a/slow", "--state", "up", "--json"];
    const { out } = await run(createMemoryWorld(), server, ...argv);
    const [request = create(PublishHealthRequestSchema)] = requests;
    expect(toJson(PublishHealthRequestSchema, request)).toEqual({
      endpoint: "a/slow",
      source: "cli",
      state: { state: "STATE_UP", ttl: "600s" },
    });
    expect(JSON.parse(out)).toEqual({});
  });

  it("says that there is no such endpoint", async () => {
    const server = await startServer({
      scoring: {
        publishHealth() {
          const info = { desc: ErrorInfoSchema, value: { reason: "ENDPOINT_NOT_FOUND" } };
          throw new ConnectError("no such endpoint", Code.NotFound, undefined, [info]);
        },
      },
    });
    const argv = ["health", "publish", "no", "--state", "up"];
    const { err, exitCode } = await run(createMemoryWorld(), server, ...argv);
    expect(err).toContain("error: NOT_FOUND (ENDPOINT_NOT_FOUND): no such endpoint\n");
    expect(exitCode).toBe(1);
  });
});

describe("atlas scores", () => {
  it("shows a table, the reasons below it and the age", async () => {
    const asked: string[][] = [];
    const server = await startServer({
      scoring: {
        getScores({ endpoints }) {
          asked.push(endpoints);
          return { snapshot: snapshotOf(7n, 1) };
        },
      },
    });
    const world = createMemoryWorld({ nowMs: 6_007 });
    const { out, exitCode } = await run(world, server, "scores", "a/slow", "b/fast");
    expect(asked).toEqual([["a/slow", "b/fast"]]);
    expect(out).toMatch(/^endpoint +state +first token/);
    expect(out).toMatch(/\nb\/fast +healthy +300 \/ — ms +— +100\.00 % +97\.5 % +1,200 +40 ok/);
    expect(out).toContain("\na/slow: reported down: fire\nrevision 7, 2.00 s old, 2 endpoints\n");
    expect(exitCode).toBe(0);
  });

  it("says that nothing was published yet", async () => {
    const server = await startServer({ scoring: { getScores: () => ({}) } });
    const { out } = await run(createMemoryWorld(), server, "scores");
    expect(out).toBe("revision 0, nothing was published yet, 0 endpoints\n");
  });

  it("prints one document of proto JSON with --json", async () => {
    const response = { snapshot: snapshotOf(7n, 1) };
    const server = await startServer({ scoring: { getScores: () => response } });
    const { out } = await run(createMemoryWorld(), server, "scores", "--json");
    expect(fromJsonString(GetScoresResponseSchema, out)).toEqual(
      create(GetScoresResponseSchema, response),
    );
  });
});

type Watched = MessageInitShape<typeof WatchScoresResponseSchema>;

async function* three(): AsyncGenerator<Watched> {
  yield { snapshot: snapshotOf(1n, 1) };
  yield { snapshot: snapshotOf(2n, 0.75) };
  yield { snapshot: { revision: 3n } };
}

describe("atlas health tail", () => {
  it("shows every revision with the endpoints that have changed", async () => {
    const server = await startServer({ scoring: { watchScores: three } });
    const { out, exitCode } = await run(createMemoryWorld(), server, "health", "tail");
    const lines = out.split("\n");
    expect(lines[0]).toBe("00:00:00.000  revision 1: 2 endpoints, 2 changed");
    expect(lines[1]).toMatch(/^ {2}a\/slow unhealthy \(reported down: fire\): first token —/);
    expect(lines[3]).toBe("00:00:00.000  revision 2: 2 endpoints, 1 changed");
    expect(lines[4]).toMatch(/^ {2}b\/fast healthy: .*uptime 75\.00 %/);
    expect(lines[5]).toBe("00:00:00.000  revision 3: 0 endpoints, 0 changed, 2 gone");
    expect(exitCode).toBe(0);
  });

  it("writes a line of proto JSON for each revision, of one endpoint if it is told so", async () => {
    const asked: string[][] = [];
    const server = await startServer({
      scoring: {
        watchScores({ endpoints }) {
          asked.push(endpoints);
          return three();
        },
      },
    });
    const argv = ["health", "tail", "--json", "--endpoint", "b/fast"];
    const { out } = await run(createMemoryWorld(), server, ...argv);
    const documents = out.trimEnd().split("\n");
    expect(documents.map((line) => JSON.parse(line).snapshot.revision)).toEqual(["1", "2", "3"]);
    expect(asked).toEqual([["b/fast"]]);
  });

  it("reads the bus itself with --nats, until it is interrupted", async () => {
    const asked: (readonly string[])[] = [];
    const memory = createMemoryWorld();
    const bus = createMemoryBus({ nowMs: Date.now, schedule: () => () => {}, log: () => {} });
    const world = {
      ...memory,
      connectBus: async ({ servers }: NatsConfig, log: Log) => {
        asked.push(servers);
        log("warn", "it is far away", { servers });
        queueMicrotask(() => setImmediate(memory.interrupt));
        return bus;
      },
    };
    await runAtlas(world, ["health", "tail", "--nats", "nats://n:4222, m", "--nats", "k"]);
    expect(asked).toEqual([["nats://n:4222", "m", "k"]]);
    expect(memory.err()).toBe(
      "warning: it is far away (nats://n:4222, m, k)\nthe bus is connected\nerror: interrupted\n",
    );
    expect(memory.exitCode()).toBe(130);
    expect(bus.status()).toBe("closed");
  });

  it("says what is wrong with the address of the bus", async () => {
    const world = createMemoryWorld();
    await runAtlas(world, ["health", "tail", "--nats", "http://n"]);
    expect(world.err()).toMatch(/^error: --nats: /);
    expect(world.exitCode()).toBe(2);
  });

  it("refuses TLS of a router for the bus", async () => {
    const world = createMemoryWorld();
    await runAtlas(world, ["health", "tail", "--nats", "tls://n", "--tls-ca", "ca.pem"]);
    expect(world.err()).toBe(
      "error: --tls options are about a router; the bus has bus.nats.tls in --config\n",
    );
    expect(world.exitCode()).toBe(2);
  });
});
