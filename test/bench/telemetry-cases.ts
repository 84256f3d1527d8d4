import type { BenchCase, Check } from "./bench-case.ts";
import type { Lab, SubjectPlan } from "./lab.ts";
import { compareSubjects } from "./throughput.ts";
import { unaryPlan } from "./throughput-cases.ts";

/** A router that tells nobody anything; each case turns one thing on. */
const SILENT = {
  traces: { mode: "off" },
  metrics: { enabled: false },
  calls: { recent: 0 },
  spend: { hours: 0 },
};

type Change = {
  readonly name: string;
  readonly telemetry?: Readonly<Record<string, unknown>>;
  readonly log?: Readonly<Record<string, unknown>>;
  /** Spans go to a process that takes them and throws them away. */
  readonly exports?: boolean;
  readonly target: Check["target"];
};

function routerOf(
  name: string,
  { telemetry, log }: Partial<Change>,
  env: Readonly<Record<string, string>> = {},
): SubjectPlan {
  return {
    env,
    kind: "router",
    name,
    config: {
      telemetry: { ...SILENT, ...telemetry },
      log: { level: "warn", ...log },
    },
  };
}

async function exporterTo(lab: Lab): Promise<Readonly<Record<string, string>>> {
  const sink = await lab.startBeside("otlp-sink.ts");
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${sink.said}`,
    OTEL_METRICS_EXPORTER: "none",
  };
}

function caseOf(change: Change): BenchCase {
  return {
    name: `unary-${change.name}`,
    async run(lab) {
      const env = change.exports === true ? await exporterTo(lab) : {};
      return await compareSubjects(lab, unaryPlan(0, change.target), [
        routerOf("silent router", {}),
        routerOf(`router with ${change.name}`, change, env),
      ]);
    },
  };
}

/** What each part may cost of the rate of a router without it. */
export const telemetryCases: readonly BenchCase[] = [
  caseOf({
    name: "traces-10",
    telemetry: { traces: { mode: "auto", ratio: 0.1 } },
    exports: true,
    target: { least: 0.95 },
  }),
  caseOf({
    name: "traces-100",
    telemetry: { traces: { mode: "auto", ratio: 1 } },
    exports: true,
    target: { least: 0.8 },
  }),
  caseOf({
    name: "metrics",
    telemetry: { metrics: { enabled: true } },
    target: { least: 0.97 },
  }),
  caseOf({ name: "logs", log: { level: "info" }, target: { least: 0.95 } }),
  caseOf({
    name: "logs-of-all",
    log: { level: "info", callsPerSecond: 1_000_000 },
    target: undefined,
  }),
  caseOf({
    name: "ledger",
    telemetry: { calls: { recent: 2_000 }, spend: { hours: 72 } },
    target: undefined,
  }),
];
