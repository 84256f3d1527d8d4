/** The two servers under the same closed-loop load, turn by turn, as fast as they go. */

import type { CaseResult, Check } from "./bench-case.ts";
import { loadCoreBusySeconds } from "./bench-process.ts";
import { BARE_PROXY, type Lab, nameOf, ROUTER, type Subject, type SubjectPlan } from "./lab.ts";
import type { Sample } from "./sample-call.ts";
import { mean, median, round, standardError } from "./statistics.ts";

export type ThroughputPlan = {
  readonly path: string;
  readonly body: Buffer;
  readonly connections: number;
  readonly streamsPerConnection: number;
  /** Until as many calls end as begin: longer than one takes. */
  readonly rampSeconds: number;
  /** `calls`, counted a second. */
  readonly unit: string;
  /** How many of the unit one call brings. */
  readonly unitsPerCall: number;
  /** One decoded and checked call. */
  readonly sample: (address: string) => Promise<Sample>;
  /** Bytes of messages that every whole answer has. Absent: about those of a checked one. */
  readonly leastBytes?: number;
  readonly target: Check["target"];
};

type Run = {
  readonly perSecond: number;
  /** CPU time of the server per unit; NaN where it cannot be read. */
  readonly cpuMicroseconds: number;
  /** Part of the run that the server was on its core. */
  readonly cpuShare: number;
  /** Part of the run that the load's core was busy, with whatever else ran there. */
  readonly loadCoreShare: number;
  readonly samples: number;
  readonly sample: Sample;
};

/** Long enough for the optimizing compiler to have seen every function of the path. */
const WARM_UP_SECONDS = 6;
/** Below this a server waited for its load, or shared its core: its rate is not what it can do. */
const SATURATED_SHARE = 0.9;
/** A pair with such a server is made again, up to this many pairs for each one that was asked for. */
const TRIES_PER_PAIR = 3;
const SAMPLE_EVERY_MS = 250;
/** Timings and ids in an answer differ in length from call to call. */
const BYTES_TOLERANCE = 0.1;

export async function compareThroughput(lab: Lab, plan: ThroughputPlan): Promise<CaseResult> {
  return await compareSubjects(lab, plan, [BARE_PROXY, ROUTER]);
}

/**
 * The second against the first. A process keeps for its life what chance gave it in the order of
 * compilation and the layout of memory, some per cent of its rate: so both are started anew `starts` times.
 */
export async function compareSubjects(
  lab: Lab,
  plan: ThroughputPlan,
  [first, second]: readonly [SubjectPlan, SubjectPlan],
): Promise<CaseResult> {
  const starts: Pairs[] = [];
  for (let start = 0; start < lab.starts; start += 1) {
    const running: Subject[] = [];
    const startOne = async (subject: SubjectPlan) => {
      const started = await lab.startFresh(subject);
      running.push(started);
      return started;
    };
    try {
      starts.push(
        await compareProcesses(lab, plan, [await startOne(first), await startOne(second)]),
      );
    } finally {
      await Promise.all(running.map(({ process }) => process.stop()));
    }
  }
  return resultOf({ ...plan, names: [nameOf(first), nameOf(second)] }, starts);
}

async function compareProcesses(
  lab: Lab,
  plan: ThroughputPlan,
  [baseline, router]: readonly [Subject, Subject],
): Promise<Pairs> {
  const warmUp = { ...lab, seconds: WARM_UP_SECONDS, load: lab.load };
  await runOnce(warmUp, plan, baseline);
  await runOnce(warmUp, plan, router);
  const run = (subject: Subject) => runOnce(lab, plan, subject);
  // Whoever comes second finds another machine, so they take turns at it: members run in their order.
  return await measurePairs(lab, async (pair) =>
    pair % 2 === 0
      ? { baseline: await run(baseline), router: await run(router) }
      : { router: await run(router), baseline: await run(baseline) },
  );
}

type Pair = { readonly baseline: Run; readonly router: Run };

type Pairs = {
  /** Those to count: every one as long as too few have servers with a core each. */
  readonly counted: readonly Pair[];
  /** Ratios of those that were made again. */
  readonly leftOut: readonly number[];
};

/** Whether a pair counts hangs on the servers' cores alone, never on what it came to. */
async function measurePairs(
  { pairs }: Lab,
  measure: (pair: number) => Promise<Pair>,
): Promise<Pairs> {
  const saturated: Pair[] = [];
  const others: Pair[] = [];
  while (saturated.length < pairs && saturated.length + others.length < pairs * TRIES_PER_PAIR) {
    const pair = await measure(saturated.length + others.length);
    (leastCpuShare([pair]) >= SATURATED_SHARE ? saturated : others).push(pair);
  }
  return saturated.length === pairs
    ? { counted: saturated, leftOut: others.map(ratioOf) }
    : { counted: [...saturated, ...others], leftOut: [] };
}

function leastCpuShare(pairs: readonly Pair[]): number {
  return Math.min(...pairs.flatMap(({ baseline, router }) => [baseline.cpuShare, router.cpuShare]));
}

function ratioOf({ baseline, router }: Pair): number {
  return router.perSecond / baseline.perSecond;
}

/** Rejects when a call failed, or when what came back is not what a checked call brings. */
async function runOnce(lab: Lab, plan: ThroughputPlan, subject: Subject): Promise<Run> {
  const sampler = startSampler(plan, subject);
  const running = lab.load.run({
    address: subject.address,
    path: plan.path,
    body: plan.body,
    connections: plan.connections,
    streamsPerConnection: plan.streamsPerConnection,
    warmUpSeconds: plan.rampSeconds,
    seconds: lab.seconds,
  });
  const [report, { cpuSeconds, loadCpuSeconds }] = await Promise.all([
    running,
    cpuBetween(subject, plan.rampSeconds, lab.seconds),
  ]);
  const { sample, samples } = await sampler.stop();
  const bytesPerCall = report.dataBytes / report.answered;
  if (report.answered === 0 || report.failed > 0) {
    throw new Error(`${subject.name}: ${report.failed} failed, ${report.answered} answered`);
  }
  // Calls that are broken off at the end bring bytes and are not counted, so there is no upper bound.
  const leastBytes = plan.leastBytes ?? sample.dataBytes * (1 - BYTES_TOLERANCE);
  if (bytesPerCall < leastBytes) {
    const expected = `${sample.dataBytes} bytes in a checked call`;
    throw new Error(`${subject.name}: ${bytesPerCall} bytes a call under load, ${expected}`);
  }
  const units = report.answered * plan.unitsPerCall;
  return {
    perSecond: units / report.seconds,
    cpuMicroseconds: (cpuSeconds * 1e6) / units,
    cpuShare: cpuSeconds / report.seconds,
    loadCoreShare: loadCpuSeconds / report.seconds,
    samples,
    sample,
  };
}

async function cpuBetween(subject: Subject, rampSeconds: number, seconds: number) {
  const read = () => ({
    server: subject.process.cpuSeconds() ?? Number.NaN,
    load: loadCoreBusySeconds() ?? Number.NaN,
  });
  await new Promise((resolve) => setTimeout(resolve, rampSeconds * 1_000));
  const before = read();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const after = read();
  return {
    cpuSeconds: after.server - before.server,
    loadCpuSeconds: after.load - before.load,
  };
}

/** Checks calls while the load runs. */
function startSampler({ sample }: ThroughputPlan, { address }: Subject) {
  let stopped = false;
  let samples = 0;
  async function loop(): Promise<Sample> {
    for (;;) {
      const last = await sample(address);
      samples += 1;
      if (stopped) {
        return last;
      }
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_EVERY_MS));
    }
  }
  const looping = loop();
  // Looked at in `stop`; until then a rejection is not unhandled.
  looping.catch(() => undefined);
  return {
    async stop() {
      stopped = true;
      return { sample: await looping, samples };
    },
  };
}

function resultOf(
  plan: ThroughputPlan & { readonly names: readonly [string, string] },
  starts: readonly Pairs[],
): CaseResult {
  const counted = starts.flatMap((start) => start.counted);
  const leftOut = starts.flatMap((start) => start.leftOut);
  const startRatios = starts.map((start) => median(start.counted.map(ratioOf)));
  const [baselineName, routerName] = plan.names;
  const baseline = counted.map((pair) => pair.baseline);
  const router = counted.map((pair) => pair.router);
  const of = (runs: readonly Run[], key: Exclude<keyof Run, "sample">) =>
    median(runs.map((run) => run[key]));
  const cpuRatios = counted.map(
    (pair) => pair.baseline.cpuMicroseconds / pair.router.cpuMicroseconds,
  );
  const ratio = round(mean(startRatios), 3);
  return {
    figures: {
      unit: plan.unit,
      baselinePerSecond: round(of(baseline, "perSecond"), 0),
      routerPerSecond: round(of(router, "perSecond"), 0),
      ratio,
      ratios: listed(counted.map(ratioOf)),
      ...(starts.length === 1
        ? {}
        : {
            startRatios: listed(startRatios),
            standardError: round(standardError(startRatios), 3),
          }),
      ...(leftOut.length === 0 ? {} : { leftOut: listed(leftOut) }),
      baselineCpuMicroseconds: round(of(baseline, "cpuMicroseconds"), 2),
      routerCpuMicroseconds: round(of(router, "cpuMicroseconds"), 2),
      cpuRatio: round(median(cpuRatios), 3),
      baselineCpuShare: round(of(baseline, "cpuShare"), 2),
      routerCpuShare: round(of(router, "cpuShare"), 2),
      loadCoreShare: round(of([...baseline, ...router], "loadCoreShare"), 2),
      baselineMessages: baseline[0]?.sample.contentMessages,
      routerMessages: router[0]?.sample.contentMessages,
      baselineBytes: baseline[0]?.sample.dataBytes,
      routerBytes: router[0]?.sample.dataBytes,
      checkedCalls: of([...baseline, ...router], "samples"),
    },
    checks: [
      {
        what: `${plan.unit}, ${routerName} : ${baselineName}`,
        value: ratio,
        unit: "",
        ...(plan.target === undefined ? {} : { target: plan.target }),
        ...doubtOf(counted),
      },
      {
        what: `${plan.unit} of the ${routerName}`,
        value: round(of(router, "perSecond"), 0),
        unit: "/s",
      },
    ],
  };
}

function listed(ratios: readonly number[]): string {
  return ratios.map((value) => round(value, 3)).join(" ");
}

/** A ratio counts only when every run of both servers was limited by that server's own core. */
function doubtOf(counted: readonly Pair[]): { readonly doubt?: string } {
  const least = leastCpuShare(counted);
  return least >= SATURATED_SHARE
    ? {}
    : {
        doubt: `a server had ${round(100 * least, 0)} % of its core in some run, so this is no verdict`,
      };
}
