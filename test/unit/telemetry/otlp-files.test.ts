import { expect, test } from "vitest";
import { fileProblemsOf } from "../../../src/telemetry/otlp-files.ts";

async function readFile(path: string): Promise<string> {
  if (path !== "there.pem") {
    throw new Error("ENOENT");
  }
  return "";
}

test("files that are there, or that another goes before, are no problem", async () => {
  const env = {
    OTEL_EXPORTER_OTLP_CERTIFICATE: "gone.pem",
    OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: " there.pem ",
    OTEL_EXPORTER_OTLP_CLIENT_KEY: "there.pem",
  };
  expect(await fileProblemsOf(env, "TRACES", readFile)).toEqual([]);
  expect(await fileProblemsOf({}, "TRACES", readFile)).toEqual([]);
});

test("files that are not are told of by the variable that names them", async () => {
  const env = {
    OTEL_EXPORTER_OTLP_CERTIFICATE: "gone.pem",
    OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE: "gone.pem",
    OTEL_EXPORTER_OTLP_CLIENT_KEY: "gone.pem",
  };
  const problem = (name: string) => `${name} names a file that cannot be read: it is left out`;
  expect(await fileProblemsOf(env, "METRICS", readFile)).toEqual([
    problem("OTEL_EXPORTER_OTLP_CERTIFICATE"),
    problem("OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE"),
    problem("OTEL_EXPORTER_OTLP_CLIENT_KEY"),
  ]);
});
