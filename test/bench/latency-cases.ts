/**
 * What a call waits for at a rate that leaves every server mostly idle, beside what the provider itself
 * takes under the same calls. Percentiles are shown and not subtracted: the difference of two p99 is
 * not the p99 of the differences.
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { BenchCase, CaseResult } from "./bench-case.ts";
import { pinned } from "./bench-process.ts";
import { STREAM_PATH, UNARY_PATH } from "./grpc-client.ts";
import { type Lab, models } from "./lab.ts";
import type { OpenLoop, OpenLoopReport } from "./load-client.ts";
import { streamBody, unaryBody } from "./request-bodies.ts";
import { median, percentile, round } from "./statistics.ts";

const CALLS_PER_SECOND = 500;
const CONNECTIONS = 8;
const MAX_OUTPUT_BYTES = 64 * 1_024 * 1_024;
const OPENAI_PATH = "/v1/chat/completions";

const run = promisify(execFile);
const loadClient = new URL("load-client.ts", import.meta.url).pathname;

/** At 500 calls a second, for servers that nobody has called before. */
const WARM_UP_SECONDS = 10;

type Target = Pick<OpenLoop, "address" | "protocol" | "path" | "bodyFile">;
type Reports = { readonly [name: string]: OpenLoopReport[] };

function latencyCase(name: string, { streaming }: { readonly streaming: boolean }): BenchCase {
  return {
    name,
    async run(lab) {
      const targets = await targetsOf(lab, streaming);
      const reports: Reports = { direct: [], bareProxy: [], router: [] };
      await measureAll(targets, streaming, { seconds: WARM_UP_SECONDS, reports: {} });
      for (let pair = 0; pair < lab.pairs; pair += 1) {
        await measureAll(targets, streaming, { seconds: lab.seconds, reports });
      }
      return resultOf(reports, streaming);
    },
  };
}

async function targetsOf(lab: Lab, streaming: boolean): Promise<Readonly<Record<string, Target>>> {
  const upstream = await lab.upstream();
  const [baseline, router] = await lab.subjects();
  const name = streaming ? models.trickle : models.unary;
  const model = `bench/${name}`;
  const grpcBody = join(lab.folder, `latency-${name}.bin`);
  const openaiBody = join(lab.folder, `latency-${name}.json`);
  writeFileSync(grpcBody, streaming ? streamBody(model) : unaryBody(model));
  writeFileSync(openaiBody, JSON.stringify({ model, ...(streaming ? { stream: true } : {}) }));
  const grpc = {
    protocol: "grpc" as const,
    path: streaming ? STREAM_PATH : UNARY_PATH,
    bodyFile: grpcBody,
  };
  return {
    direct: {
      address: upstream.address,
      protocol: "openai",
      path: OPENAI_PATH,
      bodyFile: openaiBody,
    },
    bareProxy: { address: baseline.address, ...grpc },
    router: { address: router.address, ...grpc },
  };
}

async function measureAll(
  targets: Readonly<Record<string, Target>>,
  streaming: boolean,
  { seconds, reports }: { readonly seconds: number; readonly reports: Reports },
): Promise<void> {
  for (const [name, target] of Object.entries(targets)) {
    const report = await measure({
      kind: "open-loop",
      ...target,
      connections: CONNECTIONS,
      callsPerSecond: CALLS_PER_SECOND,
      seconds,
      streaming,
    });
    if (report.latenciesMs.length === 0) {
      throw new Error(`${name}: no call was answered, ${report.failure}`);
    }
    reports[name]?.push(report);
  }
}

async function measure(task: OpenLoop): Promise<OpenLoopReport> {
  const { file, rest } = pinned("load", process.execPath, [loadClient, JSON.stringify(task)]);
  const { stdout } = await run(file, rest, { maxBuffer: MAX_OUTPUT_BYTES });
  return JSON.parse(stdout);
}

function resultOf(reports: Reports, streaming: boolean): CaseResult {
  const what = streaming ? "first token" : "whole answer";
  const at = (name: string, ratio: number) =>
    round(median((reports[name] ?? []).map((each) => percentile(each.latenciesMs, ratio))), 3);
  const lateness = Object.values(reports).flat();
  const late = median(lateness.map(({ latenessMs }) => percentile(latenessMs, 0.99)));
  const spread = (name: string) =>
    `${at(name, 0.5)} / ${at(name, 0.9)} / ${at(name, 0.99)} / ${at(name, 0.999)}`;
  const failed = reports["router"]?.reduce((sum, each) => sum + each.failed, 0) ?? 0;
  const ratio = round(at("router", 0.5) / at("bareProxy", 0.5), 3);
  return {
    figures: {
      unit: `ms to the ${what}, p50 / p90 / p99 / p99.9`,
      callsPerSecond: CALLS_PER_SECOND,
      direct: spread("direct"),
      bareProxy: spread("bareProxy"),
      router: spread("router"),
      ratio,
      sentLateP99Ms: round(late, 3),
      failed,
      failure: reports["router"]?.find((each) => each.failed > 0)?.failure,
    },
    checks: [
      ...["direct", "bareProxy", "router"].map((name) => ({
        what: `${what}, ${name}: p50 / p90 / p99 / p99.9 ${spread(name)}; p99`,
        value: at(name, 0.99),
        unit: "ms",
      })),
      { what: "failed calls of the router", value: failed, unit: "", target: { most: 0 } },
    ],
  };
}

export const latencyCases: readonly BenchCase[] = [
  latencyCase("latency-unary", { streaming: false }),
  latencyCase("latency-first-token", { streaming: true }),
];
