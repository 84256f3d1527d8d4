import { describe, expect, test } from "vitest";
import { configSchema } from "../../../src/config/config-schema.ts";

const failing = (value: unknown) =>
  configSchema.safeParse(value).error?.issues.map(({ path }) => path.join("."));

describe("configSchema", () => {
  test("turns prices into exact nano-USD", () => {
    const policy = {
      maxInputUsdPerMtok: "0.15",
      maxOutputUsdPerMtok: "3",
      maxCostUsd: "0.000000001",
    };
    expect(configSchema.parse({ policy }).policy).toMatchObject({
      maxInputPerMtok: 150_000_000,
      maxOutputPerMtok: 3_000_000_000,
      maxCost: 1,
    });
  });

  test.each([0.15, "1.0000000001", "-1", "1e3", ""])("refuses a price of %j", (price) => {
    expect(
      configSchema.safeParse({ policy: { maxCostUsd: price } }).error?.issues[0]?.message,
    ).toMatch(/^must be decimal US dollars in quotes, such as "0.15"/);
  });

  test("hides keys and headers, and takes an empty key for none", () => {
    const accounts = { eu: { apiKey: "k-2" } };
    const providers = {
      acme: { apiKey: "k-1", headers: { "x-team": "t" }, accounts },
      other: { apiKey: "" },
    };
    const parsed = configSchema.parse({ providers }).providers;
    expect(JSON.stringify(parsed)).not.toMatch(/k-1|k-2|"t"/);
    expect(parsed["acme"]?.apiKey?.reveal()).toBe("k-1");
    expect(parsed["acme"]?.headers["x-team"]?.reveal()).toBe("t");
    expect(parsed["acme"]?.accounts["eu"]?.apiKey?.reveal()).toBe("k-2");
    expect(parsed["other"]?.apiKey).toBeUndefined();
  });

  test("cuts slashes off the end of addresses", () => {
    const providers = { acme: { baseUrl: "http://10.0.0.1:8000/v1/" } };
    expect(configSchema.parse({ providers }).providers["acme"]?.baseUrl).toBe(
      "http://10.0.0.1:8000/v1",
    );
  });

  test("passes the inline catalogue on as it is written", () => {
    const catalog = { files: ["a.yaml"], models: { "a/b": { anything: [1] } } };
    expect(configSchema.parse({ catalog }).catalog).toEqual({
      files: ["a.yaml"],
      inline: { providers: {}, models: { "a/b": { anything: [1] } }, endpoints: {} },
    });
  });

  test.each([
    { value: { listen: { grpc: { port: 65_536 } } }, path: "listen.grpc.port" },
    { value: { timeouts: { idleMs: 2 ** 31 } }, path: "timeouts.idleMs" },
    { value: { timeouts: { idleMs: 0 } }, path: "timeouts.idleMs" },
    { value: { limits: { messageBytes: 1.5 } }, path: "limits.messageBytes" },
    { value: { retry: { maxAttempts: 4 } }, path: "retry.maxAttempts" },
    { value: { retry: { budgetRatio: 1.1 } }, path: "retry.budgetRatio" },
    { value: { log: { level: "trace" } }, path: "log.level" },
    { value: { simulator: { mode: "on" } }, path: "simulator.mode" },
    { value: { errorDomain: "Atlas" }, path: "errorDomain" },
    { value: { providers: { a: { baseUrl: "file:///etc" } } }, path: "providers.a.baseUrl" },
    { value: { providers: { a: { baseUrl: "https://u:p@h/v1" } } }, path: "providers.a.baseUrl" },
    {
      value: { providers: { a: { headers: { "x-a": "line\nbreak" } } } },
      path: "providers.a.headers.x-a",
    },
    { value: { providers: { a: { headers: { "x a": "" } } } }, path: "providers.a.headers.x a" },
    { value: { providers: { a: { headers: { Host: "" } } } }, path: "providers.a.headers.Host" },
    { value: { policy: { quantizations: ["q8"] } }, path: "policy.quantizations.0" },
    { value: { simulator: { controlPort: -1 } }, path: "simulator.controlPort" },
  ])("refuses $path out of its range", ({ value, path }) => {
    expect(failing(value)).toEqual([path]);
  });
});
