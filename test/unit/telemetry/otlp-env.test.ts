import { describe, expect, test } from "vitest";
import { otlpChoiceOf } from "../../../src/telemetry/otlp-env.ts";
import type { OtelEnv } from "../../../src/telemetry/otlp-variables.ts";

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

  test.each([
    { protocol: "http/protobuf", address: "not a url" },
    { protocol: "http/protobuf", address: "collector:4318" },
    { protocol: "http/json", address: "grpc://collector:4317" },
    { protocol: "http/json", address: "https://key:se/cret@collector" },
    { protocol: "grpc", address: "not a url" },
    { protocol: "grpc", address: "https://:4317" },
    { protocol: "grpc", address: "dns:///collector:4317" },
    { protocol: "grpc", address: "collector:port" },
  ])("does not export over $protocol to $address, and says why", ({ protocol, address }) => {
    const shared = {
      OTEL_EXPORTER_OTLP_ENDPOINT: address,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    };
    const { problems, ...choice } = otlpChoiceOf(shared, "METRICS");
    expect(choice.protocol).toBeUndefined();
    expect(problems).toEqual([
      expect.stringMatching(/^OTEL_EXPORTER_OTLP_ENDPOINT is no .*metrics are not exported$/u),
    ]);
    expect(problems.join()).not.toContain(address);
  });

  test.each([
    { protocol: "http/protobuf", address: " http://127.0.0.1:4318/base " },
    { protocol: "http/json", address: "HTTPS://collector" },
    { protocol: "grpc", address: "collector:4317" },
    { protocol: "grpc", address: "http://[::1]:4317" },
    { protocol: "grpc", address: "https://collector:4317" },
    { protocol: "grpc", address: "unix:///run/collector" },
    { protocol: "grpc", address: "grpc://collector:4317" },
  ])("exports over $protocol to $address", ({ protocol, address }) => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: address, OTEL_EXPORTER_OTLP_PROTOCOL: protocol };
    expect(otlpChoiceOf(env, "TRACES")).toEqual({ protocol, problems: [] });
  });

  test("looks at the address that the signal goes to and at no other", () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: "not a url",
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://collector:4318",
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "nor this",
    };
    expect(otlpChoiceOf(env, "METRICS")).toEqual({ protocol: "http/protobuf", problems: [] });
    expect(otlpChoiceOf(env, "TRACES").problems).toEqual([
      expect.stringContaining("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    ]);
    expect(otlpChoiceOf({ ...env, OTEL_TRACES_EXPORTER: "none" }, "TRACES").problems).toEqual([]);
  });

  test.each(["key", "=value", "a=%zz", "a=b,c"])("tells of the headers %s", (headers) => {
    const env = { ...ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_HEADERS: headers };
    const { protocol, problems } = otlpChoiceOf(env, "TRACES");
    expect(protocol).toBe("http/protobuf");
    expect(problems).toEqual([
      expect.stringMatching(
        /^OTEL_EXPORTER_OTLP_TRACES_HEADERS has an entry that is no name=value/u,
      ),
    ]);
  });

  test.each([
    "authorization: Bearer c2VjcmV0LXRva2VuLTEyMw==",
    "x-tok: topsecret999==",
    "authorization%3A%20Bearer%20canary=x",
    "c2VjcmV0LXRva2VuLTEyMw==",
  ])("does not export with the header %s, and says why without it", (header) => {
    const env = { ...ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: `a=b,${header}` };
    expect(otlpChoiceOf(env, "TRACES")).toEqual({
      protocol: undefined,
      problems: [
        "OTEL_EXPORTER_OTLP_HEADERS has an entry without the name of a header before =: traces are not exported",
      ],
    });
  });

  test("takes headers whose values end in padding", () => {
    const env = {
      ...ENDPOINT,
      OTEL_EXPORTER_OTLP_HEADERS: " authorization = Bearer%20YQ==; p, x=y ",
    };
    expect(otlpChoiceOf(env, "TRACES")).toEqual({ protocol: "http/protobuf", problems: [] });
  });

  test("tells of a switch that is neither on nor off, and exports", () => {
    const env = { ...ENDPOINT, OTEL_SDK_DISABLED: "yes" };
    expect(otlpChoiceOf(env, "TRACES")).toEqual({
      protocol: "http/protobuf",
      problems: ["OTEL_SDK_DISABLED is neither true nor false: it is taken for false"],
    });
  });
});
