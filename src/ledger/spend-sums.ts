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
  /** Empty: nothing has been added. */
  priceVersion: string;
  /** Versions after the first; absent as long as all prices are of that. */
  laterPriceVersions: string[] | undefined;
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
} & Prices;

export type GivenUpAttempt = {
  /** Nano-USD; absent: not known. */
  readonly cost: number | undefined;
} & Prices;

/** Which prices something was reckoned with. */
type Prices = { readonly catalogRevision: number; readonly priceVersion: string };

/** Whoever changes prices more often while sums are kept is told of some versions alone. */
const MAX_PRICE_VERSIONS = 8;

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
    priceVersion: "",
    laterPriceVersions: undefined,
  };
}

export function addCall(tally: Tally, call: SpentCall): void {
  const { failed, usage, cost } = call;
  tally.calls += 1;
  tally.failedCalls += failed ? 1 : 0;
  addPrices(tally, call);
  if (cost.total === undefined) {
    tally.unpricedCalls += 1;
    tally.unpricedUsage = usageSum(tally.unpricedUsage, usage);
    return;
  }
  tally.usage = usageSum(tally.usage, usage);
  addCost(tally, cost);
}

export function addGivenUp(tally: Tally, attempt: GivenUpAttempt): void {
  const { cost } = attempt;
  tally.givenUpAttempts += 1;
  addPrices(tally, attempt);
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
  addPriceVersion(tally, other.priceVersion);
  for (const version of other.laterPriceVersions ?? []) {
    addPriceVersion(tally, version);
  }
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
    priceVersions: priceVersionsOf(tally),
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

function addPrices(tally: Tally, { catalogRevision, priceVersion }: Prices): void {
  addRevisions(tally, catalogRevision, catalogRevision);
  addPriceVersion(tally, priceVersion);
}

function addPriceVersion(tally: Tally, version: string): void {
  if (tally.priceVersion === version) {
    return;
  }
  if (tally.priceVersion === "") {
    tally.priceVersion = version;
    return;
  }
  tally.laterPriceVersions ??= [];
  const later = tally.laterPriceVersions;
  if (later.length + 1 < MAX_PRICE_VERSIONS && !later.includes(version)) {
    later.push(version);
  }
}

function priceVersionsOf({ priceVersion, laterPriceVersions = [] }: Tally): readonly string[] {
  return priceVersion === "" ? [] : [priceVersion, ...laterPriceVersions];
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
