import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Breaker,
  type BreakerEvent,
  type BreakerState,
  type BreakerVerdict,
  CLOSED,
  createBreaker,
  nextBreakerState,
} from "../../../src/score/breaker.ts";

const LEASE_MS = 10_000;

/** The longest dead time: half of it fixed and nearly all of the other half. */
const latest = () => 0.999_999_999;
const earliest = () => 0;

function endMany(breaker: Breaker, verdict: BreakerVerdict, times: number, nowMs: number): void {
  for (let time = 0; time < times; time++) {
    breaker.end(verdict, nowMs, nowMs);
  }
}

/** Opened at `nowMs`. */
function openedBreaker(nowMs: number, random = earliest): Breaker {
  const breaker = createBreaker(random);
  endMany(breaker, "fault", 5, nowMs);
  return breaker;
}

function isBlocked(breaker: Breaker, nowMs: number): boolean {
  return nowMs < breaker.blockedUntilMs;
}

function probe(breaker: Breaker, verdict: BreakerVerdict, nowMs: number): void {
  breaker.start(nowMs, LEASE_MS);
  breaker.end(verdict, nowMs, nowMs);
}

describe("createBreaker() while closed", () => {
  test("lets calls pass", () => {
    const breaker = createBreaker(earliest);
    breaker.start(0, LEASE_MS);
    expect(breaker.kind).toBe("closed");
    expect(breaker.recoveredAtMs).toBe(Number.NEGATIVE_INFINITY);
    expect(isBlocked(breaker, 0)).toBe(false);
  });

  test("opens after five faults in a row and not after four", () => {
    const breaker = createBreaker(earliest);
    endMany(breaker, "fault", 4, 0);
    expect(breaker.kind).toBe("closed");
    endMany(breaker, "fault", 1, 0);
    expect(breaker.kind).toBe("open");
  });

  test("counts faults anew after a success", () => {
    const breaker = createBreaker(earliest);
    endMany(breaker, "fault", 4, 0);
    breaker.end("success", 0, 0);
    endMany(breaker, "fault", 4, 0);
    expect(breaker.kind).toBe("closed");
  });

  test("does not count what is ignorable, nor lets it end a row", () => {
    const breaker = createBreaker(earliest);
    endMany(breaker, "ignorable", 100, 0);
    endMany(breaker, "fault", 4, 0);
    breaker.end("ignorable", 0, 0);
    breaker.end("fault", 0, 0);
    expect(breaker.kind).toBe("open");
  });

  test("opens after three failures to connect in a row", () => {
    const breaker = createBreaker(earliest);
    endMany(breaker, "connect-fault", 2, 0);
    breaker.end("fault", 0, 0);
    breaker.end("connect-fault", 0, 0);
    expect(breaker.kind).toBe("closed");
    const other = createBreaker(earliest);
    endMany(other, "connect-fault", 3, 0);
    expect(other.kind).toBe("open");
  });

  test("opens below 80 % successes of twenty results, and not at 80 %", () => {
    const breaker = createBreaker(earliest);
    endMany(breaker, "fault", 3, 0);
    endMany(breaker, "success", 16, 0);
    breaker.end("fault", 0, 0);
    expect(breaker.kind).toBe("closed");
    breaker.end("fault", 0, 0);
    expect(breaker.kind).toBe("open");
  });

  test("does not judge a ratio of fewer than twenty results", () => {
    const breaker = createBreaker(earliest);
    endMany(breaker, "fault", 4, 0);
    endMany(breaker, "success", 11, 0);
    endMany(breaker, "fault", 4, 0);
    expect(breaker.kind).toBe("closed");
  });

  test("forgets results after thirty seconds", () => {
    const breaker = createBreaker(earliest);
    for (let round = 0; round < 5; round++) {
      endMany(breaker, "fault", 4, round * 30_000);
      breaker.end("success", 0, round * 30_000);
    }
    expect(breaker.kind).toBe("closed");
  });

  test("is not concerned by first content", () => {
    const breaker = createBreaker(earliest);
    breaker.firstContent(0, 0);
    expect(breaker.kind).toBe("closed");
  });
});

describe("createBreaker() while open", () => {
  test.each([
    { name: "half", random: earliest, deadMs: 2_500 },
    { name: "all", random: latest, deadMs: 5_000 },
  ])("blocks for between $name of five seconds", ({ random, deadMs }) => {
    expect(openedBreaker(1_000, random).blockedUntilMs).toBeCloseTo(1_000 + deadMs, 3);
  });

  test("is not kept open longer by faults of calls that were forced through", () => {
    const breaker = openedBreaker(0);
    endMany(breaker, "fault", 10, 1_000);
    breaker.end("ignorable", 1_000, 1_000);
    breaker.firstContent(1_000, 1_000);
    expect([breaker.kind, breaker.blockedUntilMs]).toEqual(["open", 2_500]);
  });

  test("takes the success of a forced call as that of a probe", () => {
    const breaker = openedBreaker(0);
    breaker.end("success", 1_000, 1_500);
    expect(breaker.kind).toBe("half-open");
    probe(breaker, "success", 1_600);
    probe(breaker, "success", 1_700);
    expect(breaker.kind).toBe("closed");
  });

  test("learns nothing from an attempt that began before it opened", () => {
    const breaker = openedBreaker(1_000);
    breaker.end("success", 999, 1_500);
    expect(breaker.kind).toBe("open");
  });

  test("does not start a probe before the dead time is over", () => {
    const breaker = openedBreaker(0);
    breaker.start(2_499, LEASE_MS);
    expect(breaker.kind).toBe("open");
    breaker.start(2_500, LEASE_MS);
    expect(breaker.kind).toBe("half-open");
  });
});

describe("createBreaker() while half-open", () => {
  test("has one probe at a time", () => {
    const breaker = openedBreaker(0);
    breaker.start(2_500, LEASE_MS);
    expect(isBlocked(breaker, 2_500)).toBe(true);
    breaker.start(2_600, 99_000);
    expect(breaker.blockedUntilMs).toBe(12_500);
    breaker.end("success", 2_500, 3_000);
    expect(isBlocked(breaker, 3_000)).toBe(false);
  });

  test("lets another probe go when the lease of one that hangs is over", () => {
    const breaker = openedBreaker(0);
    breaker.start(2_500, LEASE_MS);
    expect(isBlocked(breaker, 12_499)).toBe(true);
    expect(isBlocked(breaker, 12_500)).toBe(false);
  });

  test("closes after three successes", () => {
    const breaker = openedBreaker(0);
    probe(breaker, "success", 3_000);
    probe(breaker, "success", 4_000);
    expect(breaker.kind).toBe("half-open");
    expect(breaker.recoveredAtMs).toBe(Number.NEGATIVE_INFINITY);
    probe(breaker, "success", 5_000);
    expect(breaker.kind).toBe("closed");
    expect(breaker.recoveredAtMs).toBe(5_000);
  });

  test("opens for twice as long after a fault, up to five minutes", () => {
    const breaker = openedBreaker(0, latest);
    const deadTimes: number[] = [];
    for (let round = 0; round < 8; round++) {
      const nowMs = breaker.blockedUntilMs;
      probe(breaker, "fault", nowMs);
      deadTimes.push(Math.round((breaker.blockedUntilMs - nowMs) / 1_000));
    }
    expect(deadTimes).toEqual([10, 20, 40, 80, 160, 300, 300, 300]);
  });

  test("begins the successes anew after a fault", () => {
    const breaker = openedBreaker(0);
    probe(breaker, "success", 3_000);
    probe(breaker, "success", 3_000);
    probe(breaker, "connect-fault", 3_000);
    probe(breaker, "success", 9_000);
    expect(breaker.kind).toBe("half-open");
  });

  test("lets the next probe go after one that says nothing", () => {
    const breaker = openedBreaker(0);
    probe(breaker, "ignorable", 3_000);
    expect(breaker.kind).toBe("half-open");
    expect(isBlocked(breaker, 3_000)).toBe(false);
  });

  test("learns nothing from attempts that began before it opened", () => {
    const breaker = openedBreaker(1_000);
    breaker.start(4_000, LEASE_MS);
    for (const verdict of ["success", "fault", "connect-fault", "ignorable"] as const) {
      breaker.end(verdict, 999, 5_000);
    }
    breaker.firstContent(999, 5_000);
    expect([breaker.kind, breaker.blockedUntilMs]).toEqual(["half-open", 14_000]);
  });

  test("counts a probe at its first content and not again at its end", () => {
    const breaker = openedBreaker(0);
    breaker.start(3_000, LEASE_MS);
    breaker.firstContent(3_000, 3_500);
    expect(isBlocked(breaker, 3_500)).toBe(false);
    breaker.start(3_600, LEASE_MS);
    breaker.end("success", 3_000, 4_000);
    breaker.end("ignorable", 3_000, 4_000);
    expect(isBlocked(breaker, 4_000)).toBe(true);
    breaker.firstContent(3_600, 4_100);
    expect(breaker.kind).toBe("half-open");
    breaker.start(4_200, LEASE_MS);
    breaker.firstContent(4_200, 4_300);
    expect(breaker.kind).toBe("closed");
  });

  test("opens when a probe breaks after its first content", () => {
    const breaker = openedBreaker(0);
    breaker.start(3_000, LEASE_MS);
    breaker.firstContent(3_000, 3_500);
    breaker.end("fault", 3_000, 4_000);
    expect(breaker.kind).toBe("open");
  });
});

describe("createBreaker() after recovery", () => {
  function recoveredBreaker(nowMs: number): Breaker {
    const breaker = openedBreaker(0, latest);
    for (let time = 0; time < 3; time++) {
      probe(breaker, "success", nowMs);
    }
    return breaker;
  }

  test("ignores faults of attempts that began before it opened", () => {
    const breaker = recoveredBreaker(10_000);
    for (let time = 0; time < 30; time++) {
      breaker.end("fault", -1, 10_000);
    }
    expect(breaker.kind).toBe("closed");
    endMany(breaker, "fault", 4, 10_000);
    expect(breaker.kind).toBe("closed");
  });

  test("does not count the failures that opened it", () => {
    const breaker = createBreaker(earliest);
    endMany(breaker, "success", 20, 0);
    endMany(breaker, "fault", 5, 0);
    endMany(breaker, "fault", 30, 1_000);
    for (let time = 0; time < 3; time++) {
      probe(breaker, "success", 3_000);
    }
    breaker.end("fault", 3_000, 3_000);
    expect(breaker.kind).toBe("closed");
  });

  test.each([
    { healthyMs: 59_000, deadMs: 10_000 },
    { healthyMs: 60_000, deadMs: 5_000 },
    { healthyMs: 600_000, deadMs: 5_000 },
  ])("is dead for $deadMs ms after $healthyMs ms of health", ({ healthyMs, deadMs }) => {
    const breaker = recoveredBreaker(10_000);
    const nowMs = 10_000 + healthyMs;
    endMany(breaker, "fault", 5, nowMs);
    expect(breaker.blockedUntilMs - nowMs).toBeCloseTo(deadMs, 3);
  });
});

describe("nextBreakerState()", () => {
  test("leaves a closed breaker alone at first content", () => {
    const event = { kind: "first-content", startedAtMs: 0, nowMs: 0, mostlyFailing: true } as const;
    expect(nextBreakerState(CLOSED, event, earliest)).toBe(CLOSED);
  });

  test("moves only along the edges of its diagram", () => {
    const edges: Readonly<Record<BreakerState["kind"], readonly string[]>> = {
      closed: ["closed", "open"],
      open: ["open", "half-open"],
      "half-open": ["half-open", "open", "closed"],
    };
    const event: fc.Arbitrary<BreakerEvent> = fc.record({
      kind: fc.constantFrom("success", "fault", "connect-fault", "ignorable", "first-content"),
      startedAtMs: fc.nat(1_000),
      nowMs: fc.nat(1_000),
      mostlyFailing: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        let state: BreakerState = CLOSED;
        for (const one of events) {
          const next: BreakerState = nextBreakerState(state, one, () => 0.5);
          expect(edges[state.kind]).toContain(next.kind);
          state = next;
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

/** A breaker told in the words of the specification, for attempts that end at the moment they begin. */
type Model = {
  nowMs: number;
  kind: "closed" | "open" | "half-open";
  faults: number;
  connectFaults: number;
  successes: number;
  deadUntilMs: number;
  probeUntilMs: number;
  level: number;
  closedAtMs: number;
  results: { readonly bin: number; readonly isGood: boolean }[];
};

type Real = { readonly breaker: Breaker };

function openModel(model: Model, level: number): void {
  model.kind = "open";
  model.deadUntilMs = model.nowMs + Math.min(300_000, 5_000 * 2 ** level) * 0.75;
  model.level = Math.min(6, level + 1);
  model.results = [];
}

function faultOfModel(model: Model, isConnect: boolean): void {
  if (model.kind === "half-open") {
    openModel(model, model.level);
  } else if (model.kind === "closed") {
    model.results.push({ bin: Math.floor(model.nowMs / 5_000), isGood: false });
    model.faults += 1;
    model.connectFaults = isConnect ? model.connectFaults + 1 : 0;
    const from = Math.floor(model.nowMs / 5_000) - 5;
    const recent = model.results.filter(({ bin }) => bin >= from);
    const ratio = recent.filter(({ isGood }) => isGood).length / recent.length;
    if (model.faults >= 5 || model.connectFaults >= 3 || (recent.length >= 20 && ratio < 0.8)) {
      const steps = Math.floor((model.nowMs - model.closedAtMs) / 60_000);
      openModel(model, Math.max(0, model.level - steps));
    }
  }
}

function successOfModel(model: Model): void {
  if (model.kind === "closed") {
    model.results.push({ bin: Math.floor(model.nowMs / 5_000), isGood: true });
    model.faults = 0;
    model.connectFaults = 0;
    return;
  }
  model.successes = model.kind === "open" ? 1 : model.successes + 1;
  model.kind = "half-open";
  model.probeUntilMs = Number.NEGATIVE_INFINITY;
  if (model.successes === 3) {
    model.kind = "closed";
    model.faults = 0;
    model.connectFaults = 0;
    model.closedAtMs = model.nowMs;
  }
}

function endModel(model: Model, verdict: BreakerVerdict): void {
  if (verdict === "success") {
    successOfModel(model);
  } else if (verdict === "ignorable") {
    model.probeUntilMs = Number.NEGATIVE_INFINITY;
  } else {
    faultOfModel(model, verdict === "connect-fault");
  }
}

function startModel(model: Model): void {
  if (model.kind === "open" && model.nowMs >= model.deadUntilMs) {
    model.kind = "half-open";
    model.successes = 0;
    model.probeUntilMs = model.nowMs + LEASE_MS;
  } else if (model.kind === "half-open" && model.nowMs >= model.probeUntilMs) {
    model.probeUntilMs = model.nowMs + LEASE_MS;
  }
}

function expectEqual(model: Model, { breaker }: Real): void {
  const blockedUntilMs = {
    closed: Number.NEGATIVE_INFINITY,
    open: model.deadUntilMs,
    "half-open": model.probeUntilMs,
  };
  expect(breaker.kind).toBe(model.kind);
  expect(isBlocked(breaker, model.nowMs)).toBe(model.nowMs < blockedUntilMs[model.kind]);
}

class Command implements fc.Command<Model, Real> {
  readonly kind: BreakerVerdict | "start" | "wait";
  readonly ms: number;

  constructor(kind: BreakerVerdict | "start" | "wait", ms: number) {
    this.kind = kind;
    this.ms = ms;
  }

  check(): boolean {
    return true;
  }

  run(model: Model, real: Real): void {
    switch (this.kind) {
      case "wait":
        model.nowMs += this.ms;
        break;
      case "start":
        startModel(model);
        real.breaker.start(model.nowMs, LEASE_MS);
        break;
      case "success":
      case "fault":
      case "connect-fault":
      case "ignorable":
        endModel(model, this.kind);
        real.breaker.end(this.kind, model.nowMs, model.nowMs);
        break;
      default:
        this.kind satisfies never;
    }
    expectEqual(model, real);
  }

  toString(): string {
    return this.kind === "wait" ? `wait ${this.ms}` : this.kind;
  }
}

describe("createBreaker() under any history", () => {
  test("equals the model", () => {
    const command = fc.oneof(
      {
        arbitrary: fc.integer({ min: 1, max: 20_000 }).map((ms) => new Command("wait", ms)),
        weight: 3,
      },
      { arbitrary: fc.constant(new Command("wait", 200_000)), weight: 1 },
      { arbitrary: fc.constant(new Command("start", 0)), weight: 3 },
      { arbitrary: fc.constant(new Command("success", 0)), weight: 4 },
      { arbitrary: fc.constant(new Command("fault", 0)), weight: 5 },
      { arbitrary: fc.constant(new Command("connect-fault", 0)), weight: 2 },
      { arbitrary: fc.constant(new Command("ignorable", 0)), weight: 1 },
    );
    const commands = fc.commands([command], { maxCommands: 150, size: "max" });
    fc.assert(
      fc.property(commands, (list) => {
        const setup = () => ({
          model: {
            nowMs: 0,
            kind: "closed",
            faults: 0,
            connectFaults: 0,
            successes: 0,
            deadUntilMs: 0,
            probeUntilMs: Number.NEGATIVE_INFINITY,
            level: 0,
            closedAtMs: 0,
            results: [],
          } satisfies Model as Model,
          real: { breaker: createBreaker(() => 0.5) },
        });
        fc.modelRun(setup, list);
      }),
      { seed: 4, numRuns: 300 },
    );
  });
});
