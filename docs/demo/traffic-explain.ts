import { readFileSync } from "node:fs";
import type { Timings } from "../../gen/atlas/v1/completion_pb.ts";
import { exactMs } from "../../src/cli/exact-time.ts";
import { formatMs } from "../../src/cli/figures.ts";
import { formatTimings, timePartsOf } from "../../src/cli/format-timings.ts";
import type { Answer, CallSeen } from "./traffic-load.ts";
import { CALLER, ROUTER } from "./traffic-processes.ts";

/** A span as the file of the collector holds it. */
export type WrittenSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: string;
  /** Epoch nanoseconds. */
  readonly startNs: string;
  readonly endNs: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
};

export type Answered = CallSeen & { readonly answer: Answer };

/** Ways to tell where the time of one call went. */
export type Explanation = {
  readonly call: Answered;
  /** What `atlas trace` printed. */
  readonly printed: string;
  /** Of its trace alone. */
  readonly spans: readonly WrittenSpan[];
  /** Service that folds the reports. */
  readonly foldedBy: string;
};

/** What is still exact after the six digits behind the point that both wires keep. */
const TOLERANCE_MS = 1e-5;

/** Several times what a call takes when nothing is wrong. */
const SLOW_MS = 150;

const PROCESS = "process atlas.health.v1";
const APPLY = "atlas.scores.apply";

export function readSpans(file: string): readonly WrittenSpan[] {
  // Written by this demo just now.
  return JSON.parse(readFileSync(file, "utf8")) as readonly WrittenSpan[];
}

/**
 * The slowest call that was answered by another endpoint than the first one, among those whose trace goes
 * all the way. A health report tells of the attempts of a second and belongs to the trace of the first one,
 * so those of the others are only linked.
 */
export function slowestSwitched(
  calls: readonly CallSeen[],
  spans: readonly WrittenSpan[],
): Answered | undefined {
  const isWhole = (traceId: string) =>
    [PROCESS, APPLY].every((name) =>
      spans.some((span) => span.traceId === traceId && span.name === name),
    );
  return calls
    .filter((call): call is Answered => call.answer !== undefined)
    .filter(({ answer, traceId }) => isSlowSwitch(answer) && isWhole(traceId))
    .toSorted((left, right) => totalOf(right.answer.timings) - totalOf(left.answer.timings))[0];
}

const isSlowSwitch = ({ attempts, timings }: Answer) =>
  attempts.length > 1 && totalOf(timings) >= SLOW_MS;

const totalOf = ({ total }: Timings) => exactMs(total);

/** Everything in which the ways to explain the call do not agree. */
export function disagreements(explanation: Explanation): readonly string[] {
  return [
    ...sumProblems(explanation.call.answer.timings),
    ...printedProblems(explanation),
    ...spanProblems(explanation),
    ...treeProblems(explanation),
  ];
}

function sumProblems(timings: Timings): readonly string[] {
  const sum = timePartsOf(timings).reduce((total, { ms }) => total + ms, 0);
  return differs("the parts of Timings add up to", sum, totalOf(timings));
}

/** The line of parts and that of every attempt show what the answer says. */
function printedProblems({ call, printed }: Explanation): readonly string[] {
  const { timings, attempts } = call.answer;
  const lines = printed.split("\n");
  const timeLine = lines.find((line) => line.startsWith("Time "))?.replace(/^Time +/, "") ?? "";
  const shown = [...timeLine.matchAll(/(?<==| |^)([\d,]+\.\d)/g)].map(([, figure = ""]) =>
    Number(figure.replaceAll(",", "")),
  );
  const total = shown.at(-1) ?? 0;
  const sum = shown.slice(0, -1).reduce((left, right) => left + right, 0);
  const lengths = attempts.flatMap(({ number, endpoint, duration }) => {
    const length = formatMs(exactMs(duration));
    const line = lines.find((one) => one.startsWith(`${number} ${endpoint} `)) ?? "";
    return line.includes(`  ${length}`)
      ? []
      : `atlas trace does not print ${length} for attempt ${number}`;
  });
  return [
    ...(timeLine === formatTimings(timings) ? [] : [`atlas trace prints other parts: ${timeLine}`]),
    ...(Math.abs(sum - total) < 0.05 ? [] : [`the parts of atlas trace add up to ${sum} ms`]),
    ...lengths,
  ];
}

/** Keys of `atlas.complete`, in the order of `timePartsOf`. */
const PARTS = [
  "queue_ms",
  "plan_ms",
  "failed_attempts_ms",
  "upstream_first_token_ms",
  "upstream_generation_ms",
  "router_overhead_ms",
];

/** Durations and attributes of the router's spans are those of the answer. */
function spanProblems({ call, spans }: Explanation): readonly string[] {
  const { timings, attempts } = call.answer;
  const complete = spans.find(({ name }) => name === "atlas.complete");
  if (complete === undefined) {
    return ["there is no span atlas.complete"];
  }
  const told = (part: string) => Number(complete.attributes[`atlas.timings.${part}`] ?? 0);
  const tries = spans
    .filter(({ kind, resource }) => kind === "CLIENT" && serviceOf({ resource }) === ROUTER)
    .toSorted(
      (left, right) =>
        Number(left.attributes["atlas.attempt.number"]) -
        Number(right.attributes["atlas.attempt.number"]),
    );
  return [
    ...differs("atlas.complete lasts", lengthOf(complete), totalOf(timings)),
    ...differs("atlas.complete says of the total", told("total_ms"), totalOf(timings)),
    ...timePartsOf(timings).flatMap(({ name, ms }, index) =>
      differs(`atlas.complete says of ${name}`, told(PARTS[index] ?? ""), ms),
    ),
    ...differs("spans of attempts", tries.length, attempts.length),
    ...tries.flatMap((span, index) =>
      differs(
        `the span of attempt ${index + 1} lasts`,
        lengthOf(span),
        exactMs(attempts[index]?.duration),
      ),
    ),
  ];
}

/** One tree, from the caller's span to what became of the reports. */
function treeProblems({ call, spans, foldedBy }: Explanation): readonly string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const roots = spans.filter(({ parentSpanId }) => !byId.has(parentSpanId));
  const has = (name: string, service: string) =>
    spans.some((span) => span.name === name && serviceOf(span) === service);
  return [
    ...(roots.length === 1 && roots[0]?.spanId === call.spanId
      ? []
      : [`${roots.length} spans of the trace have no parent in it`]),
    ...(roots[0] !== undefined && serviceOf(roots[0]) === CALLER
      ? []
      : ["the root is not the caller's"]),
    ...(has(PROCESS, foldedBy) ? [] : [`${foldedBy} has no span ${PROCESS}`]),
    ...(has(APPLY, ROUTER) ? [] : [`${ROUTER} has no span ${APPLY}`]),
  ];
}

function differs(what: string, found: number, wanted: number): readonly string[] {
  return Math.abs(found - wanted) <= TOLERANCE_MS ? [] : [`${what} ${found}, and not ${wanted}`];
}

const serviceOf = ({ resource }: Pick<WrittenSpan, "resource">) => String(resource["service.name"]);

/** Milliseconds. */
const lengthOf = ({ startNs, endNs }: WrittenSpan) => Number(BigInt(endNs) - BigInt(startNs)) / 1e6;

/** The tree as text, each span with its service, its length and when it began. */
export function drawTree(spans: readonly WrittenSpan[]): string {
  const zero = spans.reduce(
    (least, { startNs }) => (BigInt(startNs) < least ? BigInt(startNs) : least),
    BigInt(spans[0]?.startNs ?? 0),
  );
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const branch = (span: WrittenSpan, depth: number): readonly string[] => {
    const began = Number(BigInt(span.startNs) - zero) / 1e6;
    const name = `${"  ".repeat(depth)}${span.name}`;
    const times = `at ${formatMs(began)}`.padEnd(14) + formatMs(lengthOf(span)).padStart(9);
    const children = spans
      .filter(({ parentSpanId }) => parentSpanId === span.spanId)
      .toSorted((left, right) => Number(BigInt(left.startNs) - BigInt(right.startNs)));
    return [
      `${name.padEnd(46)} ${serviceOf(span).padEnd(12)} ${times}`,
      ...children.flatMap((child) => branch(child, depth + 1)),
    ];
  };
  return spans
    .filter(({ parentSpanId }) => !ids.has(parentSpanId))
    .flatMap((root) => branch(root, 0))
    .join("\n");
}
