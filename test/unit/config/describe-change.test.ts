import { describe, expect, test } from "vitest";
import type { Config } from "../../../src/config/config.ts";
import { describeChange, needsRestart } from "../../../src/config/describe-change.ts";
import { parseConfig } from "../../../src/config/parse-config.ts";

function configOf(text: string): Config {
  const parsed = parseConfig(text, {});
  if (!parsed.ok) {
    throw new Error(JSON.stringify(parsed.problems));
  }
  return parsed.config;
}

const change = (before: string, after: string, started = before) =>
  describeChange({ started: configOf(started), before: configOf(before), after: configOf(after) });

describe("describeChange()", () => {
  test("finds nothing between equal files", () => {
    const text = "{ policy: { regions: [eu] }, providers: { acme: { apiKey: k } } }";
    expect(change(text, text)).toEqual({ changed: [], needRestart: [] });
  });

  test("names what changed, and what of it needs a restart", () => {
    expect(
      change(
        "policy: { regions: [eu] }",
        "{ listen: { grpc: { port: 1 } }, policy: { regions: [eu, us], maxCostUsd: '1' } }",
      ),
    ).toEqual({
      changed: ["listen.grpc.port", "policy.maxCost", "policy.regions"],
      needRestart: ["listen.grpc.port"],
    });
  });

  test("names a section that appears or disappears", () => {
    const tls = "listen: { http: { tls: { certFile: c, keyFile: k } } }";
    expect(change("", tls).changed).toEqual(["listen.http.tls"]);
    expect(change(tls, "").needRestart).toEqual(["listen.http.tls"]);
  });

  test.each([
    {
      name: "changed again",
      after: 3,
      changed: ["listen.grpc.port"],
      needRestart: ["listen.grpc.port"],
    },
    {
      name: "left as the last reload found it",
      after: 2,
      changed: [],
      needRestart: ["listen.grpc.port"],
    },
    { name: "changed back", after: 1, changed: ["listen.grpc.port"], needRestart: [] },
  ])(
    "compares what is read once with what runs: a port $name",
    ({ after, changed, needRestart }) => {
      const port = (number: number) => `listen: { grpc: { port: ${number} } }`;
      expect(change(port(2), port(after), port(1))).toEqual({ changed, needRestart });
    },
  );

  test("sees that a secret changed and does not show it", () => {
    const withKey = (key: string) => `providers: { acme: { apiKey: "${key}" } }`;
    expect(change(withKey("a"), withKey("b")).changed).toEqual(["providers.acme.apiKey"]);
    expect(change(withKey("a"), withKey("")).changed).toEqual(["providers.acme.apiKey"]);
    expect(change(withKey("a"), withKey("a")).changed).toEqual([]);
  });

  test("does not take a text for a secret that looks like it", () => {
    const config = configOf("providers: { acme: { apiKey: k } }");
    const provider = config.providers["acme"];
    const looksAlike = { providers: { acme: { ...provider, apiKey: "[secret]" } } };
    // A configuration never holds plain keys; this one does, to tell the two apart.
    const after = { ...config, ...looksAlike } as unknown as Config;
    expect(describeChange({ started: config, before: config, after }).changed).toEqual([
      "providers.acme.apiKey",
    ]);
  });
});

describe("needsRestart()", () => {
  test.each([
    { path: ["listen", "grpc", "port"], restart: true },
    { path: ["limits"], restart: true },
    { path: ["log", "level"], restart: true },
    { path: ["retry", "budgetRatio"], restart: true },
    { path: ["retry", "maxAttempts"], restart: false },
    { path: ["retry"], restart: false },
    { path: ["timeouts", "connectMs"], restart: true },
    { path: ["timeouts", "idleMs"], restart: false },
    { path: ["timeouts", "firstToken", "maxMs"], restart: false },
    { path: ["stream", "heartbeatMs"], restart: true },
    { path: ["bus", "nats", "servers"], restart: true },
    { path: ["role"], restart: true },
    { path: ["listener"], restart: false },
    { path: ["policy", "regions"], restart: false },
    { path: [], restart: false },
  ])("is $restart for $path", ({ path, restart }) => {
    expect(needsRestart(path)).toBe(restart);
  });
});
