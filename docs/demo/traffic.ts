/**
 * `npm run demo:traffic`: mixed load on a router whose providers fail, and then one slow call explained in
 * three ways that must agree: by the `Timings` of its answer, by `atlas trace`, and by its spans, from the
 * caller's own to the scorer's. Ends with 1 when they do not. `-- --short` takes a quarter of the time.
 */
import { setTimeout as delay } from "node:timers/promises";
import { FailureKindSchema } from "../../gen/atlas/v1/types_pb.ts";
import { wordOf } from "../../src/cli/enum-words.ts";
import { formatTimings } from "../../src/cli/format-timings.ts";
import {
  type Answered,
  disagreements,
  drawTree,
  readSpans,
  slowestSwitched,
} from "./traffic-explain.ts";
import { type CallSeen, type Load, withLoad } from "./traffic-load.ts";
import { type FailedAttempts, failedBetween, readMetrics } from "./traffic-metrics.ts";
import { startTraffic } from "./traffic-processes.ts";

const isShort = process.argv.includes("--short");
const PHASE_MS = isShort ? 800 : 3_000;
const CALLS_PER_SECOND = 12;
/** How long the trace of a slow call may take to become whole: reports and scores are told each second. */
const PATIENCE_MS = 30_000;
/** The first of them falls over to another endpoint for certain, since nothing is held against alpha yet. */
const LONE_CALLS = 3;
/** What was learnt is reported each second, and then the next call is the first of its report. */
const LONE_GAP_MS = 1_300;

const print = (line: string) => process.stdout.write(`${line}\n`);
const indent = (text: string) => text.trimEnd().replaceAll(/^/gm, "    ");

const ALPHA_FAILS = "alpha thinks for 400 ms, and then reports an error every second time";

/** Each is set on top of those before. */
const faults = [
  {
    name: ALPHA_FAILS,
    provider: "alpha",
    profile: alphaFailing(0.5),
  },
  {
    name: "beta answers every third call with 429",
    provider: "beta",
    profile: { rateLimited: { rate: 0.3, retryAfterSeconds: null } },
  },
  {
    name: "gamma cuts every fourth answer",
    provider: "gamma",
    profile: { cutConnection: { rate: 0.25, afterTokens: 4 } },
  },
  {
    name: "gamma takes half a second to begin, too",
    provider: "gamma",
    profile: { firstTokenMs: { p50: 500, p95: 550 } },
  },
];

function alphaFailing(rate: number): object {
  return { firstTokenMs: { p50: 400, p95: 420 }, errorInStream: { rate, afterTokens: 0 } };
}

const traffic = await startTraffic(print);
try {
  await explainTraffic();
  print("\nEverything agreed.");
} catch (error) {
  print(`\nFAILED: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await traffic.close();
}

async function explainTraffic(): Promise<void> {
  const before = await readMetrics(traffic.metricsUrl);
  print(`\n${CALLS_PER_SECOND} calls a second of six kinds ...`);
  const calls = await withLoad(traffic, async (load) => {
    await playFaults(load);
    return load.calls;
  });
  const picked = await pick(calls);
  print(indent(summaryOf(calls)));
  await explain(picked);
  const failed = failedBetween(before, await readMetrics(traffic.metricsUrl));
  print("\nAttempts that failed, by /metrics:");
  for (const { endpoint, outcome, count } of failed) {
    print(`    ${endpoint.padEnd(12)} ${outcome.padEnd(22)} ${count}`);
  }
  checkAll(uncounted(calls, failed));
  print("\n$ atlas spend --by application,operation");
  print(indent(await traffic.atlas("spend", "--by", "application,operation")));
}

async function playFaults(load: Load): Promise<void> {
  print("  nothing is wrong");
  load.start(CALLS_PER_SECOND);
  await delay(PHASE_MS);
  await load.pause();
  await callAlone(load);
  load.start(CALLS_PER_SECOND);
  for (const { name, provider, profile } of faults) {
    print(`  ${name}`);
    await traffic.configure(provider, profile);
    await delay(PHASE_MS);
  }
}

/**
 * A health report belongs to the trace of the first call that it tells of, so few calls of a busy router have
 * a trace that goes all the way, and fewer of those that fell back the longer the fleet knows of the fault.
 * These have one for certain: nobody else calls, and alpha fails that was fine.
 */
async function callAlone(load: Load): Promise<void> {
  print(`  ${LONE_CALLS} calls alone, and alpha fails`);
  await traffic.configure("alpha", alphaFailing(1));
  for (let number = 0; number < LONE_CALLS; number += 1) {
    await delay(LONE_GAP_MS);
    await load.callOnce();
  }
}

/** A call whose reports are folded and whose scores are applied: that takes a second or two. */
async function pick(calls: readonly CallSeen[]): Promise<Answered> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const picked = slowestSwitched(calls, readSpans(traffic.writeSpans()));
    if (picked !== undefined) {
      return picked;
    }
    checkAll(performance.now() < deadline ? [] : ["no slow call that fell back has a whole trace"]);
    await delay(200);
  }
}

async function explain(call: Answered): Promise<void> {
  const { id, timings } = call.answer;
  print(`\nOne slow call, ${call.kind}: ${id}`);
  print("\n1. Timings of its answer:");
  print(indent(formatTimings(timings)));
  print(`\n2. $ atlas trace ${id}`);
  const printed = await traffic.atlas("trace", id);
  print(indent(printed));
  const file = traffic.writeSpans();
  const spans = readSpans(file).filter(({ traceId }) => traceId === call.traceId);
  print(`\n3. Its ${spans.length} spans, in ${file}:`);
  print(indent(drawTree(spans)));
  checkAll(disagreements({ call, printed, spans, foldedBy: traffic.foldedBy }));
  print(
    "\nThe three agree on every part, on their sum and on every attempt, in one tree of spans.",
  );
}

function summaryOf(calls: readonly CallSeen[]): string {
  const counts = new Map<string, number>();
  for (const { answer, error } of calls) {
    const attempts = answer?.attempts.length ?? 0;
    const end = error ?? (attempts > 1 ? "answered after a fallback" : "answered");
    counts.set(end, (counts.get(end) ?? 0) + 1);
  }
  return [...counts].map(([end, count]) => `${String(count).padStart(4)} ${end}`).join("\n");
}

/** Failures that callers were told of, and the metrics do not know. */
function uncounted(
  calls: readonly CallSeen[],
  failed: readonly FailedAttempts[],
): readonly string[] {
  const told = new Map<string, number>();
  for (const { endpoint, failure } of calls.flatMap(({ answer }) => answer?.attempts ?? [])) {
    if (failure !== 0) {
      const key = `${endpoint} ${wordOf(FailureKindSchema, failure)}`;
      told.set(key, (told.get(key) ?? 0) + 1);
    }
  }
  const counted = new Map(failed.map((one) => [`${one.endpoint} ${one.outcome}`, one.count]));
  return [...told]
    .filter(([key, count]) => (counted.get(key) ?? 0) < count)
    .map(([key, count]) => `callers were told ${count} times of ${key}, which /metrics lacks`);
}

function checkAll(problems: readonly string[]): void {
  if (problems.length > 0) {
    throw new Error(problems.join("\n  "));
  }
}
