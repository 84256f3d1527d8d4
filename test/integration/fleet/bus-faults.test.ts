import { expect, onTestFinished, test, vi } from "vitest";
import type { OutgoingReport } from "../../../src/domain/bus.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { tokenOf } from "../../../src/health/endpoint-token.ts";
import { encodeReport } from "../../../src/health/report-codec.ts";
import { HISTOGRAM_LAYOUT_VERSION } from "../../../src/score/log-histogram.ts";
import { sliceOf } from "../../../src/score/rolling-window.ts";
import type { NatsBinary } from "../../support/nats-binaries.ts";
import { openNatsBus, realNowMs } from "../../support/nats-bus.ts";
import { describeOnNats, useNatsServer } from "../../support/nats-server.ts";
import { createTcpProxy, type TcpProxy } from "../../support/tcp-proxy.ts";
import {
  callMany,
  expectEqualScores,
  held,
  leaderOf,
  type Member,
  MODEL,
  startMember,
} from "./use-fleet.ts";

/** From the end of a fault until all agree. */
const AGREED_MS = 5_000;

type Link = { readonly member: Member; readonly proxy: TcpProxy };

/** Each process reaches nats-server through a proxy of its own. */
async function startFleet(binary: NatsBinary) {
  const server = await useNatsServer(binary);
  const link = async (role: "router" | "scorer", name: string): Promise<Link> => {
    const proxy = await createTcpProxy(server.port);
    onTestFinished(proxy.close);
    const natsUrl = `nats://127.0.0.1:${proxy.port}`;
    return { proxy, member: await startMember({ name, role, natsUrl }) };
  };
  const scorers = await Promise.all(["one", "two"].map((name) => link("scorer", name)));
  const routers = await Promise.all(["A", "B", "C"].map((name) => link("router", name)));
  return { server, scorers, routers, all: [...routers, ...scorers].map(({ member }) => member) };
}

type Fleet = Awaited<ReturnType<typeof startFleet>>;

/** Twenty calls a second on every router until told to end, which resolves with how many there were. */
function startCalls({ routers }: Fleet) {
  const calls: Promise<void>[] = [];
  const timer = setInterval(() => {
    calls.push(...routers.map(({ member }) => callMany(member, 1)));
  }, 50);
  onTestFinished(() => clearInterval(timer));
  return {
    made: () => calls.length,
    /** Rejects when one of them failed. */
    async end(): Promise<number> {
      clearInterval(timer);
      await Promise.all(calls);
      return calls.length;
    },
  };
}

/** The bus left reports without an answer for longer than anybody waits. */
async function expectUnconfirmed({ httpUrl }: Member): Promise<void> {
  const page = await (await fetch(`${httpUrl}/metrics`)).text();
  expect(page).toMatch(/^atlas_reports_unconfirmed_total [1-9]/m);
}

async function expectDegraded(links: readonly Link[], degraded: boolean): Promise<void> {
  const states = await Promise.all(links.map(({ member }) => member.readiness()));
  expect(states).toMatchObject(links.map(() => ({ status: 200, ready: true, degraded })));
}

async function leaderIn({ scorers }: Fleet): Promise<Link> {
  return await vi.waitFor(
    async () => {
      const [leader] = await leaderOf(scorers.map(({ member }) => member));
      // `leaderOf` took it from them.
      return scorers.find(({ member }) => member === leader) as Link;
    },
    { timeout: 15_000, interval: 50 },
  );
}

/**
 * For longer than anybody waits for an answer. What routers say meanwhile is read when it is over, but for
 * that of the first one, which is lost. Resolves with how many calls there were.
 */
async function fallSilent(fleet: Fleet): Promise<number> {
  const calls = startCalls(fleet);
  const [unheard] = fleet.routers;
  unheard?.proxy.stall();
  await fleet.server.pause();
  await held(20_000, async () => {
    await Promise.all(fleet.routers.map(({ member }) => expectUnconfirmed(member)));
  });
  unheard?.proxy.cut();
  unheard?.proxy.heal();
  fleet.server.resume();
  return await calls.end();
}

/** Of two routers and the scorer that leads; the others work on. */
async function cutOff(fleet: Fleet): Promise<number> {
  const leader = await leaderIn(fleet);
  const cut = [...fleet.routers.slice(0, 2), leader];
  const calls = startCalls(fleet);
  for (const { proxy } of cut) {
    proxy.cut();
  }
  await held(10_000, async () => {
    expect(calls.made()).toBeGreaterThan(100);
    await expectDegraded(cut, true);
  });
  for (const { proxy } of cut) {
    proxy.heal();
  }
  return await calls.end();
}

/** What was told before is gone with it. */
async function loseStore(fleet: Fleet): Promise<number> {
  await fleet.server.kill();
  fleet.server.wipe();
  const calls = startCalls(fleet);
  await held(10_000, async () => {
    expect(calls.made()).toBeGreaterThan(100);
    await expectDegraded(fleet.routers, true);
  });
  await fleet.server.start();
  return await calls.end();
}

const NO_SAMPLES = { buckets: [], counts: [] };

/** Of one success. */
function reportOf(producer: string, sequence: number, skewMs: number): OutgoingReport {
  const observedAtMs = realNowMs() + skewMs;
  const bytes = encodeReport({
    producer,
    boot: 1n,
    sequence,
    endpoint: MODEL as EndpointId,
    model: MODEL,
    observedAtMs,
    signal: {
      kind: "outcomes",
      slice: sliceOf(observedAtMs),
      layoutVersion: HISTOGRAM_LAYOUT_VERSION,
      successes: 1,
      failures: new Map(),
      firstToken: NO_SAMPLES,
      throughput: NO_SAMPLES,
      duration: NO_SAMPLES,
    },
  });
  return { token: tokenOf(MODEL), id: `${producer}:1:${sequence}`, bytes };
}

const STRANGE_CLOCKS = { punctual: 0, "a-minute-late": -60_000, "a-minute-early": 60_000 };

/** Against the order in which they were made: 7 of 8 come after a later one of their producer. */
const DISORDERED = [8, 3, 7, 1, 6, 5, 2, 4];

/** Resolves with the successes that were told. */
async function tellStrangely({ server }: Fleet): Promise<number> {
  const { bus } = openNatsBus({ servers: [server.url] });
  let told = 0;
  for (const sequence of DISORDERED) {
    for (const [producer, skewMs] of Object.entries(STRANGE_CLOCKS)) {
      const report = reportOf(producer, sequence, skewMs);
      const position = await bus.reports.publish(report);
      // The stream keeps no second report of an id, and one of another id for itself.
      expect(await bus.reports.publish(report)).toBe(position);
      const copy = { ...report, id: `${report.id}:again` };
      expect(await bus.reports.publish(copy)).toBeGreaterThan(position);
      told += 1;
    }
  }
  return told;
}

await describeOnNats("three routers and two scorers", (binary) => {
  test("fail no call while the bus is silent, cut or wiped, and agree 5 s after that", async () => {
    const fleet = await startFleet(binary);
    const agree = (calls: number) => held(AGREED_MS, () => expectEqualScores(fleet.all, calls));
    await Promise.all(fleet.routers.map(({ member }) => callMany(member, 10)));
    await agree(30);
    const untilSilence = 30 + (await fallSilent(fleet));
    await agree(untilSilence);
    await agree(untilSilence + (await cutOff(fleet)));
    const sinceLoss = await loseStore(fleet);
    await agree(sinceLoss);
    await expectDegraded([...fleet.routers, ...fleet.scorers], false);

    // Reports of clocks that are off, in another order and twice, to both scorers alike.
    const all = sinceLoss + (await tellStrangely(fleet));
    await agree(all);
    const leader = await leaderIn(fleet);
    await leader.member.stop();
    const others = fleet.all.filter((member) => member !== leader.member);
    await Promise.all(fleet.routers.map(({ member }) => callMany(member, 1)));
    await held(15_000, () => expectEqualScores(others, all + 3));
  }, 90_000);
});
