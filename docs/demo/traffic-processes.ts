import { execFile } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import type { SpanSink } from "../../src/domain/trace.ts";
import { startTelemetry } from "../../src/telemetry/start-telemetry.ts";
import { findNatsBinaries } from "../../test/support/nats-binaries.ts";
import { createNatsServer, type NatsServer } from "../../test/support/nats-process.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../../test/support/otlp-receiver.ts";
import { type DemoProcess, startAtlas } from "./process.ts";
import { startSimulatedProviders } from "./simulated-providers.ts";

export const CALLER = "demo-caller";
export const ROUTER = "demo-router";
/** Where there is no NATS, the router is its own scorer. */
const SCORER = "demo-scorer";

export type Traffic = {
  /** URL of the router's gRPC port. */
  readonly routerUrl: string;
  /** Of its `/metrics`. */
  readonly metricsUrl: string;
  /** Name of the service that folds the reports. */
  readonly foldedBy: string;
  /** Takes the spans of this process, which is the caller. */
  readonly callerSpans: SpanSink;
  configure(provider: string, profile: object): Promise<void>;
  /** What `npx atlas …` prints, asked of the router. */
  atlas(...words: readonly string[]): Promise<string>;
  /** Writes what the collector was sent so far into a file, and tells its path. */
  writeSpans(): string;
  close(): Promise<void>;
};

const FREE = ["--grpc-port", "0", "--http-port", "0", "--log-level", "error"];

/** A fleet of providers, a bus if one can be had, a scorer, a router, and a collector for the spans of all. */
export async function startTraffic(print: (line: string) => void): Promise<Traffic> {
  const receiver = await startOtlpReceiver();
  const folder = mkdtempSync(join(tmpdir(), "atlas-traffic-"));
  const nats = await startNats(print);
  const providers = await startSimulatedProviders();
  const configFile = join(folder, "atlas.yaml");
  writeFileSync(configFile, stringify({ ...providers.settings, prober: { mode: "off" } }));
  const serve = (name: string, role: string) =>
    startAtlas(
      name,
      [
        ...["serve", "--config", configFile, "--role", role, ...FREE],
        ...(nats === undefined ? [] : ["--nats", nats.url]),
      ],
      // What they keep goes with the demo.
      { env: { ...environmentFor(name, receiver), STATE_DIRECTORY: folder } },
    );
  const scorer = nats && serve(SCORER, "scorer");
  const router = serve(ROUTER, nats === undefined ? "all" : "router");
  const server = await router.printed(/grpc:\/\/(\S+)/);
  const httpUrl = await router.printed(/ (http:\S+:\d+)$/m);
  await scorer?.printed(/grpc:\/\/(\S+)/);
  print(`router on ${server}, ${scorer === undefined ? "with" : "beside"} its scorer`);
  const caller = await startCaller(receiver);
  const spansFile = join(folder, "spans.json");
  return {
    routerUrl: `http://${server}`,
    metricsUrl: `${httpUrl}/metrics`,
    foldedBy: scorer?.name ?? router.name,
    callerSpans: (span) => caller.spans?.(span),
    configure: providers.configure,
    atlas: (...words) => runAtlas([...words, "--server", server]),
    writeSpans() {
      writeFileSync(spansFile, jsonOf(receiver));
      return spansFile;
    },
    async close() {
      await stopAll([router, scorer]);
      await providers.close();
      await nats?.dispose();
      await caller.close(1_000);
      await receiver.close();
    },
  };
}

async function startNats(print: (line: string) => void): Promise<NatsServer | undefined> {
  const { found, missing } = await findNatsBinaries().catch((error: unknown) => ({
    found: [],
    missing: [{ reason: String(error) }],
  }));
  const binary = found.at(-1);
  if (binary === undefined) {
    const reasons = missing.map(({ reason }) => reason).join("; ");
    print(`NO nats-server (${reasons}):`);
    print("the bus is kept in the memory of the router, which is its own scorer");
    return undefined;
  }
  const nats = await createNatsServer(binary);
  await nats.start();
  print(`nats-server ${binary.version} on ${nats.url}`);
  return nats;
}

/** Ours without what it says of OpenTelemetry, and with the collector of the demo. */
function environmentFor(service: string, { httpUrl }: OtlpReceiver) {
  const ours = Object.entries(process.env).filter(([name]) => !name.startsWith("OTEL_"));
  return {
    ...Object.fromEntries(ours),
    OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl,
    OTEL_SERVICE_NAME: service,
    OTEL_BSP_SCHEDULE_DELAY: "200",
  };
}

/** The SDK reads the environment of its process. */
function startCaller(receiver: OtlpReceiver) {
  for (const name of Object.keys(process.env).filter((one) => one.startsWith("OTEL_"))) {
    delete process.env[name];
  }
  Object.assign(process.env, environmentFor(CALLER, receiver));
  return startTelemetry({
    env: process.env,
    traces: true,
    metricProducers: [],
    version: "0.0.0",
    instanceId: CALLER,
    log: () => undefined,
    nowMs: Date.now,
    readFile,
  });
}

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;

async function runAtlas(words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...words]);
  return stdout;
}

async function stopAll(processes: readonly (DemoProcess | undefined)[]): Promise<void> {
  await Promise.all(processes.map((one) => one?.kill("SIGTERM")));
}

/** Nanoseconds do not fit into the numbers of JSON. */
function jsonOf({ spans }: OtlpReceiver): string {
  return JSON.stringify(
    spans,
    (_, value: unknown) => (typeof value === "bigint" ? String(value) : value),
    2,
  );
}
