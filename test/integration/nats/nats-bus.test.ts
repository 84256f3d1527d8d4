import { setTimeout as delay } from "node:timers/promises";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, nanos } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { LEASE_MS } from "../../../src/domain/bus.ts";
import { MAX_REPORT_BYTES, MAX_VALUE_BYTES } from "../../../src/domain/bus-rules.ts";
import {
  busContract,
  expectLeasesToLapse,
  recordFollowing,
  textReport,
} from "../../support/bus-contract.ts";
import { findNatsBinaries } from "../../support/nats-binaries.ts";
import { openNatsBus, realNowMs } from "../../support/nats-bus.ts";
import { createNatsServer, type NatsServer } from "../../support/nats-process.ts";
import { describeOnNats, useNatsServer } from "../../support/nats-server.ts";
import { until } from "../../support/until.ts";

await describeOnNats("connectNatsBus()", (binary) => {
  let server: NatsServer;

  beforeAll(async () => {
    server = await createNatsServer(binary);
    await server.start();
  });

  afterAll(() => server.dispose());

  async function openManager() {
    const connection = await connect({ servers: `127.0.0.1:${server.port}` });
    onTestFinished(() => connection.close());
    return { manager: await jetstreamManager(connection), client: jetstream(connection) };
  }

  async function open() {
    const { manager } = await openManager();
    for await (const { config } of manager.streams.list()) {
      await manager.streams.delete(config.name);
    }
    return {
      ...openNatsBus({ servers: [server.url] }),
      nowMs: realNowMs,
      pass: (ms: number) => delay(ms),
      until,
    };
  }

  busContract(open);

  test("makes its streams and tables as documented", async () => {
    const { bus } = await open();
    await until(() => bus.status() === "connected");
    const { manager } = await openManager();
    const seconds = 1_000_000_000;
    const common = { retention: "limits", storage: "file", num_replicas: 1, allow_direct: true };
    const bucket = { ...common, max_msgs_per_subject: 1 };
    const configOf = async (name: string) => (await manager.streams.info(name)).config;
    expect(await configOf("HEALTH")).toMatchObject({
      ...common,
      subjects: ["atlas.health.v1.>"],
      max_age: 40 * 60 * seconds,
      max_bytes: 1_536 * 1024 * 1024,
      max_msgs_per_subject: 131_072,
      max_msg_size: 64 * 1024,
      duplicate_window: 120 * seconds,
      discard: "old",
    });
    expect(await configOf("DEADLETTER")).toMatchObject({
      ...common,
      subjects: ["atlas.deadletter.v1.>"],
    });
    expect(await configOf("KV_atlas_scores")).toMatchObject({
      ...bucket,
      max_msg_size: 512 * 1024,
      max_age: 0,
    });
    expect(await configOf("KV_atlas_lease")).toMatchObject({
      ...bucket,
      max_age: (LEASE_MS / 1_000) * seconds,
    });
  });

  test("brings a stream that differs to what is planned and leaves its messages", async () => {
    const first = await open();
    await first.bus.reports.publish(textReport("a"));
    const { manager } = await openManager();
    await manager.streams.update("HEALTH", { max_age: 3_600_000_000_000 });
    const { bus } = openNatsBus({ servers: [server.url] });
    const seen = recordFollowing();
    bus.reports.follow({ sinceMs: 0, ...seen.options });
    await until(() => seen.events.includes("caught-up"));
    expect(seen.events).toEqual(["began", "a", "caught-up"]);
    expect((await manager.streams.info("HEALTH")).config.max_age).toBe(2_400_000_000_000);
  });

  test("the epoch is when the stream was created, and begins anew with another", async () => {
    const { bus } = await open();
    const [all, fresh] = [recordFollowing(), recordFollowing()];
    bus.reports.follow({ sinceMs: 0, ...all.options });
    bus.reports.follow(fresh.options);
    await until(() => all.epochs.length === 1 && fresh.events.includes("caught-up"));
    const { manager } = await openManager();
    const before = await manager.streams.info("HEALTH");
    expect(all.epochs).toEqual([Date.parse(before.created)]);
    await bus.reports.publish(textReport("a"));
    await until(() => all.reports.length === 1 && fresh.reports.length === 1);
    await manager.streams.delete("HEALTH");
    await bus.reports.publish(textReport("b"));
    await until(() => all.reports.length === 2 && fresh.reports.length === 2);
    const after = await manager.streams.info("HEALTH");
    expect(all.epochs).toEqual([Date.parse(before.created), Date.parse(after.created)]);
    expect(all.reports.map(({ sequence }) => sequence)).toEqual([1, 1]);
    expect(fresh.events.filter((event) => event !== "caught-up")).toEqual([
      "began",
      "a",
      "began",
      "b",
    ]);
  });

  test("a purged stream goes on in its epoch", async () => {
    const { bus } = await open();
    const seen = recordFollowing();
    const { manager } = await openManager();
    bus.reports.follow({ sinceMs: 0, ...seen.options });
    await bus.reports.publish(textReport("a"));
    await until(() => seen.reports.length === 1);
    await manager.streams.purge("HEALTH");
    await bus.reports.publish(textReport("b"));
    await until(() => seen.reports.length === 2);
    expect(seen.reports.map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(seen.epochs).toHaveLength(1);
  });

  test("an entry deleted by other hands is absent and can be written again", async () => {
    const { bus } = await open();
    await bus.scores.put("a", Uint8Array.of(1), 0);
    const { client } = await openManager();
    const { headers } = await import("@nats-io/transport-node");
    const deletion = headers();
    deletion.set("KV-Operation", "DEL");
    await client.publish("$KV.atlas_scores.a", "", { headers: deletion });
    expect(await bus.scores.get("a")).toBeUndefined();
    expect(await bus.scores.entries()).toEqual([]);
    expect(await bus.scores.put("a", Uint8Array.of(2), 0)).toBe(3);
  });

  test("keeps dead letters once, with reason and origin, however late they come again", async () => {
    const { bus, lines } = await open();
    const { manager } = await openManager();
    await until(() => bus.status() === "connected");
    // As after the minutes for which the server remembers ids.
    await manager.streams.update("DEADLETTER", { duplicate_window: nanos(100) });
    const report = {
      token: "azure_a",
      sequence: 7,
      storedAtMs: 1_800_000_000_000,
      bytes: new Uint8Array(MAX_REPORT_BYTES),
      headers: {},
    };
    await bus.deadLetters.put({ reason: "truncated\r\nat 3 ✗", report });
    await delay(300);
    await bus.deadLetters.put({ reason: "truncated", report });
    const letter = await manager.streams.getMessage("DEADLETTER", { seq: 1 });
    expect(letter?.subject).toBe("atlas.deadletter.v1.azure_a.1800000000000-7");
    expect(letter?.data).toHaveLength(MAX_REPORT_BYTES);
    expect(letter?.header.get("atlas-reason")).toBe("truncated at 3");
    expect(letter?.header.get("atlas-sequence")).toBe("7");
    expect((await manager.streams.info("DEADLETTER")).state.messages).toBe(1);
    await bus.deadLetters.put({ reason: "truncated", report: { ...report, sequence: 8 } });
    expect((await manager.streams.info("DEADLETTER")).state.messages).toBe(2);
    expect(lines.filter((line) => line.includes("dead letter"))).toEqual([]);
  });

  test("leaves no consumers behind when readers stop", async () => {
    const { bus } = await open();
    const seen = recordFollowing();
    const follower = bus.reports.follow({ sinceMs: 0, ...seen.options });
    await until(() => seen.events.includes("caught-up"));
    await bus.scores.entries();
    await follower.stop();
    const { manager } = await openManager();
    const consumers = async (stream: string) =>
      (await manager.streams.info(stream)).state.consumer_count;
    await until(async () => (await consumers("HEALTH")) === 0);
    await until(async () => (await consumers("KV_atlas_scores")) === 0);
  });

  test("lists many large entries", async () => {
    const { bus } = await open();
    const value = new Uint8Array(MAX_VALUE_BYTES);
    for (let index = 0; index < 40; index++) {
      await bus.scores.put(`scores.m${index}`, value, 0);
    }
    const entries = await bus.scores.entries();
    expect(entries).toHaveLength(40);
    expect(new Set(entries.map(({ value: { length } }) => length))).toEqual(
      new Set([MAX_VALUE_BYTES]),
    );
  });

  describe("closing", () => {
    test("rejects what waits at once", async () => {
      const { bus } = await open();
      await until(() => bus.status() === "connected");
      onTestFinished(() => server.resume());
      await server.pause();
      const waiting = [
        bus.reports.publish(textReport("a")),
        bus.scores.get("a"),
        bus.scores.entries(),
        bus.leases.take("a", "one"),
      ];
      const settled = Promise.allSettled(waiting);
      const startedMs = performance.now();
      await bus.close();
      const reasons = (await settled).map((result) => result.status);
      expect(reasons).toEqual(["rejected", "rejected", "rejected", "rejected"]);
      // The shortest of their own patience is 4 s.
      expect(performance.now() - startedMs).toBeLessThan(3_500);
    });
  });
});

const { found } = await findNatsBinaries();

test.skipIf(found.length === 0)(
  "a lease lapses 10 s after it was last renewed, on every nats-server at once",
  async () => {
    const servers = await Promise.all(found.map((binary) => useNatsServer(binary)));
    await Promise.all(
      servers.map(({ url }) =>
        expectLeasesToLapse({
          bus: openNatsBus({ servers: [url] }).bus,
          pass: (ms) => delay(ms),
        }),
      ),
    );
  },
);
