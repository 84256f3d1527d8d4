import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import type { Bus } from "../../../src/domain/bus.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { createMissedReports } from "../../../src/health/missed-reports.ts";
import { encodeReport } from "../../../src/health/report-codec.ts";
import { openNatsBus, realNowMs } from "../../support/nats-bus.ts";
import { describeOnNats, useNatsServer } from "../../support/nats-server.ts";
import { until } from "../../support/until.ts";

const MIB = 1024 * 1024;
/** One report of a subject for every 12 KiB of the stream. */
const OF_A_SUBJECT = 128;
const WINDOW_MS = 33 * 60_000;

await describeOnNats("reports that the stream lost", (binary) => {
  async function setUp() {
    const server = await useNatsServer(binary);
    const { bus } = openNatsBus({ servers: [server.url], reportBytes: 1.5 * MIB });
    const connection = await connect({ servers: `127.0.0.1:${server.port}` });
    onTestFinished(() => connection.close());
    await until(() => bus.status() === "connected");
    const { streams } = await jetstreamManager(connection);
    return { bus, streams };
  }

  /** Tells as much as a producer that runs for long would next. */
  async function tell(bus: Bus, token: string, count: number, from = 1) {
    for (let sequence = from; sequence < from + count; sequence += 1) {
      const bytes = encodeReport({
        producer: "router-1",
        boot: 7n,
        sequence,
        endpoint: "" as EndpointId,
        model: "",
        observedAtMs: realNowMs(),
        signal: { kind: "tick" },
      });
      await bus.reports.publish({ token, id: `${token}:${sequence}`, bytes });
    }
  }

  /** What somebody who begins at this moment is missing, when it has caught up. */
  async function missedBy({ bus }: { readonly bus: Bus }) {
    const missed = createMissedReports({ nowMs: realNowMs, log: () => undefined });
    let hasCaughtUp = false;
    const follower = bus.reports.follow({
      sinceMs: realNowMs() - WINDOW_MS,
      began: missed.began,
      lost: missed.lostUntil,
      take: missed.took,
      caughtUp() {
        missed.caughtUp();
        hasCaughtUp = true;
      },
    });
    await until(() => hasCaughtUp);
    await follower.stop();
    return { lost: missed.lost(), isMissing: missed.missingMs() > WINDOW_MS - 60_000 };
  }

  test("are none while nothing but copies is dropped", async () => {
    const world = await setUp();
    await tell(world.bus, "a", OF_A_SUBJECT);
    await tell(world.bus, "a", 5);
    await tell(world.bus, "b", 5);
    expect(await missedBy(world)).toEqual({ lost: 0, isMissing: false });
  });

  test("are those that made room for others of their subject", async () => {
    const world = await setUp();
    await tell(world.bus, "quiet", 1);
    await tell(world.bus, "busy", OF_A_SUBJECT + 50);
    expect(await missedBy(world)).toEqual({ lost: 50, isMissing: true });
  });

  test("are those that somebody deleted", async () => {
    const world = await setUp();
    await tell(world.bus, "a", 10);
    await world.streams.deleteMessage("HEALTH", 4);
    await world.streams.deleteMessage("HEALTH", 7);
    expect(await missedBy(world)).toEqual({ lost: 2, isMissing: true });
  });

  test("are those that somebody purged of one subject", async () => {
    const world = await setUp();
    await tell(world.bus, "a", 1);
    await tell(world.bus, "b", 10);
    await tell(world.bus, "a", 1, 2);
    await world.streams.purge("HEALTH", { filter: "atlas.health.v1.b" });
    expect(await missedBy(world)).toEqual({ lost: 10, isMissing: true });
  });

  test("are known to whoever finds the stream emptied", async () => {
    const world = await setUp();
    await tell(world.bus, "a", 10);
    await world.streams.purge("HEALTH");
    expect(await missedBy(world)).toEqual({ lost: 0, isMissing: true });
  });

  test("are known to whoever comes when more was told after it was emptied", async () => {
    const world = await setUp();
    await tell(world.bus, "a", 1);
    await world.streams.purge("HEALTH");
    await tell(world.bus, "a", 5, 2_000);
    expect(await missedBy(world)).toEqual({ lost: 0, isMissing: true });
  });

  test("are none where all began after it was emptied long ago", async () => {
    const world = await setUp();
    await tell(world.bus, "a", 10);
    await world.streams.purge("HEALTH");
    await tell(world.bus, "b", 5);
    expect(await missedBy(world)).toEqual({ lost: 0, isMissing: false });
  });
});
