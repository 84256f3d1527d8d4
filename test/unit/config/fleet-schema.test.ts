import { describe, expect, test } from "vitest";
import {
  busSchema,
  healthSchema,
  proberSchema,
  replicaSchema,
  roleSchema,
} from "../../../src/config/fleet-schema.ts";

describe("busSchema", () => {
  test("is in this process unless NATS is named", () => {
    expect(busSchema.parse(undefined)).toEqual({});
  });

  test("asks a single server for one copy", () => {
    expect(busSchema.parse({ nats: { servers: ["nats://a"] } }).nats).toEqual({
      servers: ["nats://a"],
      replicas: 1,
      reportBytes: 1_610_612_736,
    });
  });

  test("lets the server speak first unless it is told otherwise", () => {
    const parsed = busSchema.parse({ nats: { servers: ["a"], tls: {} } });
    expect(parsed.nats?.tls).toEqual({ handshakeFirst: false });
  });

  test("hides password and token, and takes empty ones for none", () => {
    const servers = ["nats://a"];
    const { nats } = busSchema.parse({ nats: { servers, password: "p-1", token: "t-1" } });
    expect(JSON.stringify(nats)).not.toMatch(/p-1|t-1/);
    expect(nats?.password?.reveal()).toBe("p-1");
    expect(nats?.token?.reveal()).toBe("t-1");
    const empty = busSchema.parse({ nats: { servers, password: "", token: "" } }).nats;
    expect(empty?.password).toBeUndefined();
    expect(empty?.token).toBeUndefined();
  });

  test.each([
    { nats: {}, path: "nats.servers" },
    { nats: { servers: [] }, path: "nats.servers" },
    { nats: { servers: ["http://a"] }, path: "nats.servers.0" },
    { nats: { servers: ["a"], replicas: 6 }, path: "nats.replicas" },
    { nats: { servers: ["a"], credentialsFile: "" }, path: "nats.credentialsFile" },
    { nats: { servers: ["a"], nkeyFile: "" }, path: "nats.nkeyFile" },
    { nats: { servers: ["a"], tls: { caFile: 1 } }, path: "nats.tls.caFile" },
    { nats: { servers: ["a"], tls: { handshakeFirst: 1 } }, path: "nats.tls.handshakeFirst" },
  ])("refuses $path out of its range", ({ nats, path }) => {
    expect(
      busSchema.safeParse({ nats }).error?.issues.map((issue) => issue.path.join(".")),
    ).toEqual([path]);
  });
});

describe("healthSchema", () => {
  test("keeps scores, where the environment says", () => {
    expect(healthSchema.parse(undefined)).toEqual({ keepScores: true });
  });
});

describe("proberSchema", () => {
  test("probes what costs nothing, within a dollar a day", () => {
    expect(proberSchema.parse(undefined)).toEqual({
      mode: "simulated",
      dailyCapNanoUsd: 1_000_000_000,
      assumedCostNanoUsd: undefined,
      idleMs: 60_000,
      intervalMs: 60_000,
      timeoutMs: 30_000,
      concurrency: 4,
    });
  });

  test("turns money into exact nano-USD", () => {
    const money = { spendCapUsdPerDay: "0.5", assumedCostUsd: "0.000001" };
    expect(proberSchema.parse(money)).toMatchObject({
      dailyCapNanoUsd: 500_000_000,
      assumedCostNanoUsd: 1_000,
    });
  });
});

describe("roleSchema", () => {
  test("is everything unless it is less", () => {
    expect(roleSchema.parse(undefined)).toBe("all");
    expect(roleSchema.parse("scorer")).toBe("scorer");
    expect(roleSchema.safeParse("leader").success).toBe(false);
  });
});

describe("replicaSchema", () => {
  test.each([
    { name: "router-1.eu:7", taken: true },
    { name: "a".repeat(64), taken: true },
    { name: "a".repeat(65), taken: false },
    { name: "", taken: true },
    { name: "two words", taken: false },
  ])("takes $name: $taken", ({ name, taken }) => {
    expect(replicaSchema.safeParse(name).success).toBe(taken);
  });
});
