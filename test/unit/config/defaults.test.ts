import { describe, expect, test } from "vitest";
import type { Config } from "../../../src/config/config.ts";
import { defaults } from "../../../src/config/defaults.ts";
import { parseConfig } from "../../../src/config/parse-config.ts";

const parsed = parseConfig("", {});
const config = (parsed as Extract<typeof parsed, { ok: true }>).config satisfies Config;

describe("defaults", () => {
  test("are what an empty file means", () => {
    expect(parsed.ok).toBe(true);
    expect(config).toMatchObject({
      errorDomain: defaults.errorDomain,
      limits: defaults.limits,
      timeouts: defaults.timeouts,
      retry: defaults.retry,
      simulator: { mode: "auto", ...defaults.simulator },
    });
    expect(config.listen.grpc).toEqual({ host: "127.0.0.1", port: 50_051 });
    expect(config.listen.http).toEqual({ host: "127.0.0.1", port: 8_080 });
  });

  test("keep everything in one process and spend nothing", () => {
    expect(config.role).toBe("all");
    expect(config.bus).toEqual({});
    expect(config.prober.mode).toBe("simulated");
  });

  test("restrict nothing and reach no further than this machine", () => {
    expect(config.policy).toEqual({
      onlyProviders: [],
      ignoreProviders: [],
      quantizations: [],
      regions: [],
      maxInputPerMtok: undefined,
      maxOutputPerMtok: undefined,
      maxCost: undefined,
      zeroDataRetention: false,
      requireAllParameters: false,
    });
    expect(config.listen.grpc.tls).toBeUndefined();
  });
});
