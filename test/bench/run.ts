/**
 * What the router costs beside the least that does the same work, measured in one run.
 *
 * Run: npm run bench [-- name] [--starts 1] [--pairs 3] [--seconds 5]. Prints one JSON line per case and a table in
 * the end. Compare figures of one run; those of two machines say nothing about each other. Ends with 1
 * when a case could not run; a missed target is a figure and not a failure. docs/benchmarks.md tells
 * what each case measures.
 */
import { cpus } from "node:os";
import { inspect, parseArgs } from "node:util";
import { type BenchCase, type CaseResult, type Check, passes } from "./bench-case.ts";
import { pinThisProcess, placement } from "./bench-process.ts";
import { foldCases } from "./fold-cases.ts";
import { functionCases } from "./function-cases.ts";
import { createLab, type Lab } from "./lab.ts";
import { latencyCases } from "./latency-cases.ts";
import { memoryCases } from "./memory-cases.ts";
import { reportCases } from "./report-cases.ts";
import { telemetryCases } from "./telemetry-cases.ts";
import { throughputCases } from "./throughput-cases.ts";

const cases: readonly BenchCase[] = [
  ...functionCases,
  ...foldCases,
  ...reportCases,
  ...throughputCases,
  ...telemetryCases,
  ...latencyCases,
  ...memoryCases,
];

type Row = { readonly name: string; readonly checks: readonly Check[] };

// Nobody reads on, as in `npm run bench | head`.
process.stdout.on("error", () => process.exit());
const print = (line: string) => process.stdout.write(`${line}\n`);
const warn = (sentence: string) => process.stderr.write(`WARNING: ${sentence}\n`);

async function runCase(benchCase: BenchCase, lab: Lab): Promise<CaseResult | undefined> {
  const { name } = benchCase;
  try {
    const result = await benchCase.run(lab);
    print(JSON.stringify({ name, ...result.figures }));
    return result;
  } catch (error) {
    print(JSON.stringify({ name, error: inspect(error) }));
    process.exitCode = 1;
    return undefined;
  }
}

function printTable(rows: readonly Row[]): void {
  for (const { name, checks } of rows) {
    for (const check of checks) {
      const verdict = check.doubt === undefined ? verdictOf(check) : "VOID";
      const target = targetOf(check);
      print(
        [
          name.padEnd(26),
          `${check.value} ${check.unit}`.trim().padStart(12),
          target.padEnd(12),
          target === "" ? "    " : verdict,
          check.doubt === undefined ? check.what : `${check.what}; ${check.doubt}`,
        ].join("  "),
      );
    }
  }
}

const verdictOf = (check: Check) => (passes(check) ? "pass" : "MISS");

function targetOf({ target, unit }: Check): string {
  if (target === undefined) {
    return "";
  }
  return "least" in target ? `>= ${target.least} ${unit}` : `<= ${target.most} ${unit}`;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    starts: { type: "string", default: "1" },
    pairs: { type: "string", default: "3" },
    seconds: { type: "string", default: "5" },
  },
});
const [filter = ""] = positionals;

function countOf(option: "starts" | "pairs"): number {
  const count = Number(values[option]);
  if (!(Number.isInteger(count) && count > 0)) {
    process.stderr.write(`--${option} must be a whole number of at least 1\n`);
    process.exit(2);
  }
  return count;
}

const lab = createLab({
  starts: countOf("starts"),
  pairs: countOf("pairs"),
  seconds: Number(values.seconds),
  warn,
});
pinThisProcess();
print(`# node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "unknown CPU"}`);
print(`# ${placement()}`);
try {
  const rows: Row[] = [];
  for (const benchCase of cases.filter(({ name }) => name.includes(filter))) {
    const result = await runCase(benchCase, lab);
    rows.push({ name: benchCase.name, checks: result?.checks ?? [] });
  }
  print("");
  printTable(rows);
} finally {
  await lab.close();
}
