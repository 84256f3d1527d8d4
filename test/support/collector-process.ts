import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";

/** What the collector understood, in the words of OTLP's JSON. */
export type Collected = {
  readonly traces: readonly { readonly resourceSpans: readonly ResourceSpans[] }[];
  readonly metrics: readonly { readonly resourceMetrics: readonly ResourceMetrics[] }[];
};

type Attributes = readonly {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}[];

type Resource = { readonly attributes: Attributes };

type ResourceSpans = {
  readonly resource: Resource;
  readonly scopeSpans: readonly { readonly spans: readonly CollectedSpan[] }[];
};

type ResourceMetrics = {
  readonly resource: Resource;
  readonly scopeMetrics: readonly { readonly metrics: readonly CollectedMetric[] }[];
};

export type CollectedSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: Attributes;
  /** Its code is 2 when the span failed. */
  readonly status: { readonly code?: number; readonly message?: string };
};

export type CollectedPoint = {
  readonly attributes?: Attributes;
  readonly asDouble?: number;
  readonly count?: string;
  readonly sum?: number;
  readonly bucketCounts?: readonly string[];
  readonly explicitBounds?: readonly number[];
};

type Points = {
  readonly dataPoints: readonly CollectedPoint[];
  /** 2: cumulative. */
  readonly aggregationTemporality?: number;
  readonly isMonotonic?: boolean;
};

export type CollectedMetric = {
  readonly name: string;
  readonly unit?: string;
  readonly sum?: Points;
  readonly gauge?: Points;
  readonly histogram?: Points;
};

export type Collector = {
  /** Value of `OTEL_EXPORTER_OTLP_ENDPOINT` for the protocols over HTTP. */
  readonly httpUrl: string;
  /** The same for `grpc`. */
  readonly grpcUrl: string;
  /** SIGTERM; resolves with all that it took once it has ended. */
  stop(): Promise<Collected>;
  /** SIGKILL, and deletes its files; also after `stop`. */
  dispose(): Promise<void>;
};

export type RouterProcess = {
  readonly grpcUrl: string;
  /** Control API of the fleet. */
  readonly fleetUrl: string;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL; also after `stop`. */
  dispose(): Promise<void>;
};

/** No process outlives it, whatever becomes of the test. */
const LIFETIME_MS = 60_000;

/** A collector on two ports of its own; resolves when it takes data. */
export async function startCollector(path: string): Promise<Collector> {
  const folder = mkdtempSync(join(tmpdir(), "atlas-collector-"));
  const [grpc, http] = [await freePort(), await freePort()];
  const files = { traces: join(folder, "traces"), metrics: join(folder, "metrics") };
  const configFile = join(folder, "config.json");
  writeFileSync(configFile, JSON.stringify(configOf({ grpc, http, files })));
  const child = startProcess(path, [configFile], {});
  await child.printed(/Everything is ready/);
  return {
    httpUrl: `http://127.0.0.1:${http}`,
    grpcUrl: `http://127.0.0.1:${grpc}`,
    async stop() {
      await child.end("SIGTERM");
      return { traces: documentsIn(files.traces), metrics: documentsIn(files.metrics) };
    },
    async dispose() {
      await child.end("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

type CollectorPlaces = {
  readonly grpc: number;
  readonly http: number;
  readonly files: { readonly traces: string; readonly metrics: string };
};

function configOf({ grpc, http, files }: CollectorPlaces) {
  const protocols = {
    grpc: { endpoint: `127.0.0.1:${grpc}` },
    http: { endpoint: `127.0.0.1:${http}` },
  };
  return {
    receivers: { otlp: { protocols } },
    exporters: {
      "file/traces": { path: files.traces },
      "file/metrics": { path: files.metrics },
    },
    service: {
      pipelines: {
        traces: { receivers: ["otlp"], exporters: ["file/traces"] },
        metrics: { receivers: ["otlp"], exporters: ["file/metrics"] },
      },
    },
  };
}

/** One document a line and an export; no file when nothing came. */
function documentsIn<T>(file: string): readonly T[] {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}

/** `atlas serve` on free ports with a fleet that answers at once and these variables alone. */
export async function startRouterProcess(
  env: Readonly<Record<string, string>>,
): Promise<RouterProcess> {
  const ports = ["--grpc-port", "0", "--http-port", "0"];
  const words = ["src/main.ts", "serve", ...ports, "--config", "-"];
  const child = startProcess(process.execPath, words, env, "simulator: { timeScale: 0 }\n");
  const [, grpc = ""] = await child.printed(/grpc:\/\/(\S+)/);
  const [, fleetUrl = ""] = await child.printed(/fleet +(\S+)\/endpoints/);
  return {
    grpcUrl: `http://${grpc}`,
    fleetUrl,
    stop: () => child.end("SIGTERM"),
    async dispose() {
      await child.end("SIGKILL");
    },
  };
}

function startProcess(
  path: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  input = "",
) {
  const child = spawn(path, words, { env, timeout: LIFETIME_MS, killSignal: "SIGKILL" });
  const exited = once(child, "close").then(([code]) => code as number | null);
  const killNow = () => child.kill("SIGKILL");
  process.once("exit", killNow);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  child.stdin.end(input);
  return {
    /** Rejects, with what it said, when it ends before. */
    async printed(pattern: RegExp): Promise<RegExpExecArray> {
      for (;;) {
        const match = pattern.exec(output);
        if (match !== null) {
          return match;
        }
        if (hasEnded(child)) {
          throw new Error(`${path} ended: ${output.slice(-1_000)}`);
        }
        await Promise.race([once(child.stdout, "data"), once(child.stderr, "data"), exited]);
      }
    },
    async end(signal: NodeJS.Signals): Promise<number | null> {
      if (!hasEnded(child)) {
        child.kill(signal);
      }
      process.off("exit", killNow);
      return await exited;
    },
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
