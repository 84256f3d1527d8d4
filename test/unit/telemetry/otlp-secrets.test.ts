import { describe, expect, test } from "vitest";
import { otlpSecretsOf } from "../../../src/telemetry/otlp-secrets.ts";

describe("otlpSecretsOf()", () => {
  test("holds header values as they are written, decoded, as sent and without their scheme", () => {
    const secrets = otlpSecretsOf({
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20canary-1;p=q, x-key=canary-2",
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: "a=%zz,b=",
    });
    expect(secrets).toEqual([
      "Bearer%20canary-1;p=q",
      "Bearer canary-1;p=q",
      "Bearer canary-1",
      "canary-1",
      "canary-2",
      "%zz",
    ]);
  });

  test("holds all of an entry whose name may be a part of its value", () => {
    const secretsOf = (headers: string) => otlpSecretsOf({ OTEL_EXPORTER_OTLP_HEADERS: headers });
    expect(secretsOf("authorization: Bearer Y2FuYXJ5==")).toEqual([
      "authorization: Bearer Y2FuYXJ5==",
      "authorization: bearer y2fuyxj5==",
      "authorization: Bearer Y2FuYXJ5",
      "authorization: bearer y2fuyxj5",
      "Bearer Y2FuYXJ5==",
      "bearer y2fuyxj5==",
      "Bearer Y2FuYXJ5",
      "bearer y2fuyxj5",
      "Y2FuYXJ5==",
      "y2fuyxj5==",
      "Y2FuYXJ5",
      "y2fuyxj5",
      "=",
    ]);
    expect(secretsOf("x-tok: topsecret999==")).toContain("topsecret999");
    expect(secretsOf("authorization%3A%20Bearer%20canary=x")).toContain("canary");
    expect(secretsOf("dG9wc2VjcmV0==")).toContain("dG9wc2VjcmV0");
    expect(secretsOf("authorization=Bearer%20canary==")).not.toContain("authorization");
  });

  test.each([
    { name: "a password", address: "https://user:p%40ss@collector", secrets: ["p%40ss", "p@ss"] },
    { name: "a token", address: "https://token@collector/path", secrets: ["token"] },
    { name: "a password without a scheme", address: "user:pass@collector:4317", secrets: ["pass"] },
    {
      name: "a password that breaks the address",
      address: " https://user:pa/ss@collector",
      secrets: ["pa/ss"],
    },
    { name: "a token of a broken address", address: "http://token@a b", secrets: ["token"] },
    { name: "an address without any", address: "https://collector/p@th", secrets: [] },
    { name: "no address", address: "no address", secrets: [] },
  ])("holds the credentials of $name", ({ address, secrets }) => {
    expect(otlpSecretsOf({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: address })).toEqual(secrets);
  });

  test("is empty where nothing is set", () => {
    expect(otlpSecretsOf({})).toEqual([]);
  });
});
