import { describe, expect, test } from "vitest";
import { type OtelEnv, otlpChoiceOf, otlpSecretsOf } from "../../../src/telemetry/otlp-env.ts";

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };

describe("otlpChoiceOf()", () => {
  test.each<{
    readonly name: string;
    readonly env: OtelEnv;
    readonly protocol: string | undefined;
  }>([
    { name: "nothing is set", env: {}, protocol: undefined },
    {
      name: "everything is empty",
      env: { OTEL_TRACES_EXPORTER: " ", OTEL_EXPORTER_OTLP_ENDPOINT: "" },
      protocol: undefined,
    },
    { name: "an address is named", env: ENDPOINT, protocol: "http/protobuf" },
    {
      name: "an address of its own is named",
      env: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c" },
      protocol: "http/protobuf",
    },
    {
      name: "that of another signal is named",
      env: { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://c" },
      protocol: undefined,
    },
    {
      name: "the exporter is named",
      env: { OTEL_TRACES_EXPORTER: "otlp" },
      protocol: "http/protobuf",
    },
    {
      name: "the exporter is none",
      env: { ...ENDPOINT, OTEL_TRACES_EXPORTER: "none" },
      protocol: undefined,
    },
    {
      name: "the SDK is off",
      env: { ...ENDPOINT, OTEL_SDK_DISABLED: " TRUE " },
      protocol: undefined,
    },
    {
      name: "the SDK is not off",
      env: { ...ENDPOINT, OTEL_SDK_DISABLED: "false" },
      protocol: "http/protobuf",
    },
    {
      name: "gRPC is asked for",
      env: { ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
      protocol: "grpc",
    },
    {
      name: "the signal's own protocol differs",
      env: {
        ...ENDPOINT,
        OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: " http/json ",
      },
      protocol: "http/json",
    },
  ])("when $name", ({ env, protocol }) => {
    expect(otlpChoiceOf(env, "TRACES")).toEqual({ protocol, problems: [] });
  });

  test("tells of exporters that are not known and goes on with the one that is", () => {
    const choice = otlpChoiceOf({ OTEL_TRACES_EXPORTER: "zipkin, otlp" }, "TRACES");
    expect(choice.protocol).toBe("http/protobuf");
    expect(choice.problems).toEqual(['OTEL_TRACES_EXPORTER names "zipkin", which is not known']);
    expect(otlpChoiceOf({ ...ENDPOINT, OTEL_TRACES_EXPORTER: "console" }, "TRACES")).toEqual({
      protocol: undefined,
      problems: ['OTEL_TRACES_EXPORTER names "console", which is not known'],
    });
  });

  test("tells of a protocol that is not known", () => {
    const env = { ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: "thrift" };
    const { protocol, problems } = otlpChoiceOf(env, "METRICS");
    expect(protocol).toBe("http/protobuf");
    expect(problems).toEqual(['the OTLP protocol "thrift" is not known: http/protobuf is used']);
  });
});

describe("otlpSecretsOf()", () => {
  test("holds header values as they are written, decoded and without their scheme", () => {
    const secrets = otlpSecretsOf({
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20canary-1, x-key=canary-2",
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: "a=%zz,b=",
    });
    expect(secrets).toEqual([
      "Bearer%20canary-1",
      "Bearer canary-1",
      "canary-1",
      "canary-2",
      "%zz",
    ]);
  });

  test("holds passwords of addresses", () => {
    const secrets = otlpSecretsOf({
      OTEL_EXPORTER_OTLP_ENDPOINT: "https://user:p%40ss@collector",
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "no address",
    });
    expect(secrets).toEqual(["p%40ss", "p@ss"]);
    expect(otlpSecretsOf({})).toEqual([]);
  });
});
