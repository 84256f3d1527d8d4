import type { SpendSums } from "../domain/ledger.ts";
import type { Cost } from "../domain/money.ts";
import type { Usage } from "../domain/usage.ts";
import type { Writable } from "../domain/writable.ts";

/** Of one series in one hour, or of several. Changed in place: millions of calls go into a few of them. */
export type Tally = {
  calls: number;
  failedCalls: number;
  unpricedCalls: number;
  usage: Writable<Usage> | undefined;
  unpricedUsage: Writable<Usage> | undefined;
  /** What has not been carried yet; each part is a safe integer. */
  input: number;
  output: number;
  cache: number;
  request: number;
  /** Attempts that were given up after their answer had begun, and those among them of unknown cost. */
  givenUpAttempts: number;
  unknownGivenUp: number;
  givenUp: number;
  carried: CarriedCost | undefined;
  minCatalogRevision: number;
  maxCatalogRevision: number;
};

type CarriedCost = {
  input: bigint;
  output: bigint;
  cache: bigint;
  request: bigint;
  givenUp: bigint;
};

export type SpentCall = {
  readonly failed: boolean;
  /** Absent: it owes nothing. */
  readonly usage: Usage | undefined;
  readonly cost: Cost;
  readonly catalogRevision: number;
};

export type GivenUpAttempt = {
  /** Nano-USD; absent: not known. */
  readonly cost: number | undefined;
  readonly catalogRevision: number;
};

export function createTally(): Tally {
  return {
    calls: 0,
    failedCalls: 0,
    unpricedCalls: 0,
    usage: undefined,
    unpricedUsage: undefined,
    input: 0,
    output: 0,
    cache: 0,
    request: 0,
    givenUpAttempts: 0,
    unknownGivenUp: 0,
    givenUp: 0,
    carried: undefined,
    minCatalogRevision: 0,
    maxCatalogRevision: 0,
  };
}

export function addCall(tally: Tally, { failed, usage, cost, catalogRevision }: SpentCall): void {
  tally.calls += 1;
  tally.failedCalls += failed ? 1 : 0;
  addRevisions(tally, catalogRevision, catalogRevision);
  if (cost.total === undefined) {
    tally.unpricedCalls += 1;
    tally.unpricedUsage = usageSum(tally.unpricedUsage, usage);
    return;
  }
  tally.usage = usageSum(tally.usage, usage);
  addCost(tally, cost);
}

export function addGivenUp(tally: Tally, { cost, catalogRevision }: GivenUpAttempt): void {
  tally.givenUpAttempts += 1;
  addRevisions(tally, catalogRevision, catalogRevision);
  if (cost === undefined) {
    tally.unknownGivenUp += 1;
  } else {
    addGivenUpCost(tally, cost);
  }
}

export function addTally(tally: Tally, other: Tally): void {
  if (other.calls === 0 && other.givenUpAttempts === 0) {
    return;
  }
  tally.calls += other.calls;
  tally.failedCalls += other.failedCalls;
  tally.unpricedCalls += other.unpricedCalls;
  tally.usage = usageSum(tally.usage, other.usage);
  tally.unpricedUsage = usageSum(tally.unpricedUsage, other.unpricedUsage);
  addRevisions(tally, other.minCatalogRevision, other.maxCatalogRevision);
  addCost(tally, other);
  tally.givenUpAttempts += other.givenUpAttempts;
  tally.unknownGivenUp += other.unknownGivenUp;
  addGivenUpCost(tally, other.givenUp);
  if (other.carried !== undefined) {
    addCarried(tally, other.carried);
  }
}

export function sumsOf(tally: Tally): SpendSums {
  const { carried } = tally;
  const input = BigInt(tally.input) + (carried?.input ?? 0n);
  const output = BigInt(tally.output) + (carried?.output ?? 0n);
  const cache = BigInt(tally.cache) + (carried?.cache ?? 0n);
  const request = BigInt(tally.request) + (carried?.request ?? 0n);
  return {
    calls: tally.calls,
    failedCalls: tally.failedCalls,
    unpricedCalls: tally.unpricedCalls,
    usage: tally.usage,
    unpricedUsage: tally.unpricedUsage,
    givenUp: {
      attempts: tally.givenUpAttempts,
      unknown: tally.unknownGivenUp,
      cost: BigInt(tally.givenUp) + (carried?.givenUp ?? 0n),
    },
    cost: { total: input + output + cache + request, input, output, cache, request },
    minCatalogRevision: tally.minCatalogRevision,
    maxCatalogRevision: tally.maxCatalogRevision,
  };
}

/** Orders tallies by the cost of their calls, exactly: a number wherever one can hold it. */
export function dearness(tally: Tally): number | bigint {
  const { input, output, cache, request, carried } = tally;
  const total = input + output + cache + request;
  return carried === undefined && total <= Number.MAX_SAFE_INTEGER
    ? total
    : sumsOf(tally).cost.total;
}

type CostParts = Pick<Cost, "input" | "output" | "cache" | "request">;

/** Numbers hold whole nano-USD up to nine million dollars; what exceeds that is carried as `bigint`. */
function addCost(tally: Tally, { input, output, cache, request }: CostParts): void {
  const isSafe =
    tally.input + input <= Number.MAX_SAFE_INTEGER &&
    tally.output + output <= Number.MAX_SAFE_INTEGER &&
    tally.cache + cache <= Number.MAX_SAFE_INTEGER &&
    tally.request + request <= Number.MAX_SAFE_INTEGER;
  if (isSafe) {
    tally.input += input;
    tally.output += output;
    tally.cache += cache;
    tally.request += request;
  } else {
    addCarried(tally, {
      input: BigInt(input),
      output: BigInt(output),
      cache: BigInt(cache),
      request: BigInt(request),
      givenUp: 0n,
    });
  }
}

function addGivenUpCost(tally: Tally, cost: number): void {
  if (tally.givenUp + cost <= Number.MAX_SAFE_INTEGER) {
    tally.givenUp += cost;
  } else {
    addCarried(tally, { input: 0n, output: 0n, cache: 0n, request: 0n, givenUp: BigInt(cost) });
  }
}

function addCarried(tally: Tally, { input, output, cache, request, givenUp }: CarriedCost): void {
  tally.carried ??= { input: 0n, output: 0n, cache: 0n, request: 0n, givenUp: 0n };
  tally.carried.input += input;
  tally.carried.output += output;
  tally.carried.cache += cache;
  tally.carried.request += request;
  tally.carried.givenUp += givenUp;
}

function addRevisions(tally: Tally, min: number, max: number): void {
  const isFirst = tally.minCatalogRevision === 0;
  tally.minCatalogRevision = isFirst ? min : Math.min(tally.minCatalogRevision, min);
  tally.maxCatalogRevision = Math.max(tally.maxCatalogRevision, max);
}

/** How far counts can be trusted, best first. */
const trust = ["provider", "estimated", "partial"] as const satisfies readonly Usage["source"][];

function usageSum(
  sum: Writable<Usage> | undefined,
  usage: Usage | undefined,
): Writable<Usage> | undefined {
  if (usage === undefined) {
    return sum;
  }
  if (sum === undefined) {
    return { ...usage };
  }
  sum.freshInput += usage.freshInput;
  sum.cacheRead += usage.cacheRead;
  sum.cacheWrite += usage.cacheWrite;
  sum.visibleOutput += usage.visibleOutput;
  sum.reasoningOutput += usage.reasoningOutput;
  if (trust.indexOf(usage.source) > trust.indexOf(sum.source)) {
    sum.source = usage.source;
  }
  return sum;
}
