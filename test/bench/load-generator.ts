/**
 * Keeps a fixed number of calls in flight, as fast as they are answered. h2load is native code and
 * spends a fraction of what a proxy on Node spends; the client on Node stands in where it is missing.
 */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { pinned } from "./bench-process.ts";

export type Load = {
  /** Host and port. */
  readonly address: string;
  readonly path: string;
  readonly body: Buffer;
  readonly connections: number;
  readonly streamsPerConnection: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
};

export type LoadReport = {
  /** Whole answers with HTTP 200 while measured. */
  readonly answered: number;
  /** Answered otherwise, or not at all. */
  readonly failed: number;
  /** Of all messages, their frames included; those of broken off and of warming calls may count too. */
  readonly dataBytes: number;
  readonly seconds: number;
};

export type LoadGenerator = {
  readonly name: string;
  run(load: Load): Promise<LoadReport>;
};

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 16 * 1_024 * 1_024;
const loadClient = new URL("load-client.ts", import.meta.url).pathname;

/** `warn` gets a sentence when the load side may limit what is measured. */
export function chooseLoadGenerator(warn: (sentence: string) => void): LoadGenerator {
  if (!hasH2load() && process.getuid?.() === 0) {
    spawnSync("apt-get", ["install", "-y", "nghttp2-client"], { stdio: "ignore" });
  }
  if (hasH2load()) {
    return { name: "h2load", run: (load) => withBodyFile(load, runH2load) };
  }
  warn(
    "h2load is not here (Debian: nghttp2-client). A client on Node makes the load and costs about as " +
      "much as the proxies: where it takes a core for itself, ratios are nearer to 1 than they are.",
  );
  return { name: "node client", run: (load) => withBodyFile(load, runNodeClient) };
}

function hasH2load(): boolean {
  return spawnSync("h2load", ["--version"]).error === undefined;
}

async function withBodyFile(
  load: Load,
  task: (load: Load, bodyFile: string) => Promise<LoadReport>,
) {
  const folder = mkdtempSync(join(tmpdir(), "atlas-bench-"));
  try {
    const bodyFile = join(folder, "body.bin");
    writeFileSync(bodyFile, load.body);
    return await task(load, bodyFile);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function runH2load(load: Load, bodyFile: string): Promise<LoadReport> {
  const { file, rest } = pinned("load", "h2load", [
    `--clients=${load.connections}`,
    `--max-concurrent-streams=${load.streamsPerConnection}`,
    `--duration=${load.seconds}`,
    `--warm-up-time=${load.warmUpSeconds}`,
    `--data=${bodyFile}`,
    "--header=content-type: application/grpc",
    "--header=te: trailers",
    `http://${load.address}${load.path}`,
  ]);
  const { stdout } = await run(file, rest, { maxBuffer: MAX_OUTPUT_BYTES });
  return { ...parseH2load(stdout), seconds: load.seconds };
}

function parseH2load(output: string): Omit<LoadReport, "seconds"> {
  const figure = (pattern: RegExp): number => {
    const found = pattern.exec(output)?.[1];
    if (found === undefined) {
      throw new Error(`h2load said something unexpected:\n${output}`);
    }
    return Number(found);
  };
  return {
    answered: figure(/^requests: .* (\d+) succeeded/m),
    failed: figure(/^requests: .* (\d+) failed/m),
    dataBytes: figure(/\((\d+)\) data$/m),
  };
}

async function runNodeClient(load: Load, bodyFile: string): Promise<LoadReport> {
  const { body: _, ...settings } = load;
  const { file, rest } = pinned("load", process.execPath, [
    loadClient,
    JSON.stringify({ kind: "closed-loop", bodyFile, ...settings }),
  ]);
  const { stdout } = await run(file, rest, { maxBuffer: MAX_OUTPUT_BYTES });
  return JSON.parse(stdout);
}
