import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { type FleetInput, joinFleet } from "../../../src/cli/assemble-fleet.ts";
import { parseConfig } from "../../../src/config/parse-config.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { SUCCESS } from "../../../src/domain/outcome.ts";
import type { Observation, Upstream } from "../../../src/domain/ports.ts";
import { createScoreboard } from "../../../src/score/scoreboard.ts";
import { failed, makeEndpoint, makeObservation } from "../score/make-observation.ts";
import { createServerWorld } from "./memory-server-world.ts";

const endpoint = makeEndpoint("a", { simulated: true });

function configOf(text: string): FleetInput["config"] {
  const parsed = parseConfig(`{ ${text} }`, {});
  if (!parsed.ok) {
    throw new Error(JSON.stringify(parsed.problems));
  }
  return parsed.config;
}

/** One process without NATS: everything of a fleet but calls, whose upstream always answers. */
function start(change: Partial<FleetInput> = {}) {
  const { world: same, clock } = createServerWorld({});
  const ids = Array.from({ length: 64 }, (_, index) => String(index).padStart(12, "0")).values();
  // Sources tell themselves apart by them, as processes do.
  const newId = () => `00000000-0000-4000-8000-${ids.next().value}`;
  const world = { ...same, newId };
  const scoreboard = createScoreboard(world, clock.nowMs());
  scoreboard.retain([endpoint], clock.nowMs());
  const asked: number[] = [];
  const upstream: Upstream = async ({ emit }) => {
    asked.push(clock.nowMs());
    emit({ kind: "text-delta", choice: 0, text: "ok" });
    return SUCCESS;
  };
  const fleet = joinFleet({
    config: configOf('prober: { assumedCostUsd: "0.000001" }'),
    endpoints: () => [endpoint],
    endpoint: (id) => (id === endpoint.id ? endpoint : undefined),
    live: scoreboard.live,
    upstream,
    spans: undefined,
    published: undefined,
    world,
    log: () => undefined,
    ...change,
  });
  onTestFinished(() => fleet.close());
  return {
    clock,
    fleet,
    scoreboard,
    asked,
    observe(observation: Observation) {
      scoreboard.record(observation);
      fleet.observe(observation);
    },
    /** What the process does between two seconds of its clock, it does in real turns. */
    async pass(seconds: number) {
      for (let second = 0; second < seconds; second += 1) {
        await clock.advance(1_000);
        await turn();
        await turn();
      }
    },
  };
}

describe("joinFleet()", () => {
  test("probes that pass are told to all, and open nothing again that calls have closed", async () => {
    const { clock, fleet, scoreboard, asked, observe, pass } = start();
    const breaker = () => scoreboard.live.of(endpoint.id)?.breaker;
    await pass(5);
    for (let call = 0; call < 5; call += 1) {
      const endedAtMs = clock.nowMs();
      const outcome = failed("server-error");
      observe(makeObservation({ endpoint, outcome, startedAtMs: endedAtMs - 10, endedAtMs }));
    }
    expect(breaker()).toBe("open");
    await pass(10 * 60);
    expect(asked.length).toBeGreaterThan(6);
    expect(fleet.figures().prober).toMatchObject({ passed: asked.length, failed: 0 });
    // The shared scores know of the probes, which is where they count: for the uptime.
    const score = fleet.reader.latest().scores.get(endpoint.id);
    expect(score?.uptime).toBeGreaterThan(0.8);
    expect(score).toMatchObject({ successes: 0, failures: 5 });
    expect(breaker()).toBe("open");
    // A call finds what it would without any probe: the breaker lets one try, and decides by that.
    expect(scoreboard.tryStart(endpoint, { nowMs: clock.nowMs(), force: false })).toBe(true);
    expect(breaker()).toBe("half-open");
  });

  test("models of the catalogue have scores however many others are told of", async () => {
    let endpoints = [endpoint];
    const { fleet, pass } = start({
      config: configOf('prober: { mode: "off" }'),
      endpoints: () => endpoints,
      endpoint: (id) => (id === endpoint.id ? endpoint : makeEndpoint(id, { model: `of ${id}` })),
    });
    const up = { kind: "state", state: "up", reason: "", ttlMs: 1_800_000 } as const;
    const strangers = Array.from(
      { length: 1_010 },
      (_, index) => `stranger-${index}` as EndpointId,
    );
    for (const stranger of strangers) {
      fleet.signal(stranger, up);
    }
    await pass(20);
    fleet.signal(endpoint.id, up);
    await pass(20);
    expect(fleet.figures().scorer).toMatchObject({ unlisted: 10 });
    const { scores } = fleet.reader.latest();
    expect(scores.size).toBe(1_001);
    expect(scores.has(endpoint.id)).toBe(true);
    // A catalogue that comes later counts from then on.
    const left = strangers.find((stranger) => !scores.has(stranger));
    endpoints = [endpoint, makeEndpoint("b", { model: `of ${left}` })];
    await pass(20);
    expect(fleet.figures().scorer).toMatchObject({ unlisted: 9 });
  });
});
